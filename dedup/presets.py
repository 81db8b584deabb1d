"""MinHash schemes by name, as other work publishes them; a recipe changes what it likes of one."""

from .minhash import MinHashScheme

# DeepSeek-Coder-V2 gives no numbers; these are StarCoder's, whose method it names: lower-cased
# words, 5-grams, 256 permutations, Jaccard 0.7, and datasketch's best bands for that. The fast
# sketch has as many numbers and a smaller error.
DEEPSEEK = MinHashScheme(
    method="fast",
    num_permutations=256,
    num_bands=25,
    rows_per_band=10,
    ngram=5,
    threshold=0.7,
)

# datatrove's defaults. It verifies no pair, so it has no threshold: one that shares a band is a
# duplicate. 0.72 is about (1 / 14)^(1 / 8), where its curve is steepest and it says to draw the
# line; verification then undoes the chance hits below it.
DATATROVE = MinHashScheme(
    method="permutations",
    num_permutations=112,
    num_bands=14,
    rows_per_band=8,
    ngram=5,
    threshold=0.72,
)

SCHEME_PRESETS = {"deepseek": DEEPSEEK, "datatrove": DATATROVE}
