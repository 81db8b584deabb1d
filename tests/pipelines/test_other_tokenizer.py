"""A build with another vocabulary: its ids, sentinels, name and digest reach everything."""

import hashlib
import io
import re
import shutil
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.fim import restore
from gristmill.corpus.mixture import read_mixture
from gristmill.corpus.packing import PackedDataset, PackingSettings
from gristmill.corpus.shards import footer_info
from gristmill.corpus.tokenizer import load_tokenizer
from gristmill.corpus.tokenizer_info import Sentinels, TokenizerInfo
from gristmill.corpus.vocabulary import build_tokenizer
from gristmill.pipelines.artifact import Manifest
from gristmill.pipelines.audit import audit
from gristmill.pipelines.build import build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.export.blend import megatron_flags
from gristmill.pipelines.export.run import export
from gristmill.pipelines.export.settings import make_settings
from gristmill.pipelines.export.text import export_text
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.recipe import load_recipe
from gristmill.pipelines.trace import trace

RECIPE = """\
name = "other"

[[source]]
name = "notes"
kind = "documents"
component = "text"
paths = ["notes.jsonl"]

[tokenizer]
file = "tokenizer.json"
name = "tiny"
eos = "<|end|>"
{more}

[fim]
rate = 1.0
apply_to = ["text"]

[mixture]
weights = {{ text = 1.0 }}
total_tokens = 100000
"""
FIM_TOKENS = 'fim_begin = "<|pre|>"\nfim_hole = "<|suf|>"\nfim_end = "<|mid|>"'


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("other")
    texts = [f"Note {i} says that day {i * 7} was long, and that {i} follows.\n" for i in range(30)]
    rows = [{"id": str(i), "language": "en", "text": text} for i, text in enumerate(texts)]
    (folder / "notes.jsonl").write_bytes(b"".join(msgspec.json.encode(r) + b"\n" for r in rows))
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<|end|>", "<|pre|>", "<|suf|>", "<|mid|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    made.save(str(folder / "tokenizer.json"))
    (folder / "recipe.toml").write_text(RECIPE.format(more=FIM_TOKENS))
    return folder / "recipe.toml"


@pytest.fixture(scope="module")
def out(recipe: Path) -> Path:
    out = recipe.parent / "out"
    result = build(
        str(recipe), out=str(out), executor=LocalExecutor(), observer=JsonLines(io.StringIO())
    )
    assert not result.failures, result.failures
    return out


def test_the_mixture_and_the_footers_name_the_vocabulary(recipe: Path, out: Path) -> None:
    digest = hashlib.sha256((recipe.parent / "tokenizer.json").read_bytes()).hexdigest()
    mixture = read_mixture(str(out / "mixture.json"))
    assert (mixture.tokenizer, mixture.tokenizer_name) == (digest, "tiny")
    assert (mixture.sentinels.eos, mixture.sentinels.bos) == (0, None)
    for path in (out / "tokens").rglob("*.parquet"):
        metadata = footer_info(pq.read_metadata(path), str(path)).metadata
        assert (metadata.tokenizer, metadata.tokenizer_name) == (digest, "tiny")
        assert metadata.sentinels == mixture.sentinels


def test_keys_and_manifests_hold_the_digest_and_no_path(recipe: Path, out: Path) -> None:
    digest = load_recipe(str(recipe)).tokenizer.info.digest
    paths = list((out / "work").rglob("*.json"))
    found = [path.read_text() for path in paths if '"stage":"tokenize"' in path.read_text()]
    manifests = [msgspec.json.decode(text, type=Manifest) for text in found]
    assert manifests
    for manifest in manifests:
        assert manifest.assets["tokenizer"] == digest
        assert str(recipe.parent) not in str(manifest.settings)


def test_the_rows_give_their_texts_back_with_the_published_vocabulary(out: Path) -> None:
    mixture = read_mixture(str(out / "mixture.json"))
    source = build_tokenizer(str(out), mixture)
    assert source.file == str(out / "tokenizer.json")
    texts = set()
    for path in (out / "tokens").rglob("*.parquet"):
        for row in pq.read_table(path)["tokens"].to_pylist():
            assert (row[0], row[-1]) == (1, 0)
            texts.add(restore(row, load_tokenizer(source)).decode())
    assert "Note 3 says that day 21 was long, and that 3 follows.\n" in texts


def test_the_audit_agrees_and_a_token_is_traced(out: Path) -> None:
    assert audit(str(out), by=("language",)).differences == ()
    (path,) = (out / "tokens").rglob("*.parquet")
    token = trace(str(out), str(path.relative_to(out)), 0, 0).token
    assert token is not None
    assert token.name == "<fim begin>"


def test_the_audit_names_a_vocabulary_that_is_gone_or_another(out: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(out, tmp_path / "copied"))
    (copied / "tokenizer.json").write_text("{}")
    (found,) = audit(str(copied), by=()).differences
    assert found == "tokenizer.json is not tiny, whose tokens the shards hold"
    (copied / "tokenizer.json").unlink()
    (found,) = audit(str(copied), by=()).differences
    assert found == "tokenizer.json is missing: the tokens are those of tiny"


def test_padding_is_the_vocabularys_eos(out: Path) -> None:
    mixture = read_mixture(str(out / "mixture.json"))
    dataset = PackedDataset(mixture, str(out), PackingSettings(sequence_length=1 << 14))
    sample = dataset.sample(0)
    assert set(sample.tokens[sample.length :].tolist()) == {0}


def test_fim_without_tokens_for_it_is_refused_before_anything_runs(recipe: Path) -> None:
    path = recipe.parent / "without.toml"
    path.write_text(RECIPE.format(more=""))
    with pytest.raises(GristmillError, match=r"tiny has no tokens .* FIM"):
        load_recipe(str(path))


def test_an_export_spells_samples_with_the_builds_own_vocabulary(out: Path, tmp_path: Path) -> None:
    settings = make_settings("parquet", content="samples")
    exported = str(tmp_path / "samples")
    export(str(out), out=exported, settings=settings, workers=0, report=lambda *_: None)
    texts = pq.read_table(tmp_path / "samples/text")["text"].to_pylist()
    parts = [
        re.fullmatch(r"<\|pre\|>(.*)<\|suf\|>(.*)<\|mid\|>(.*)<\|end\|>", t, re.DOTALL)
        for t in texts
    ]
    found = {f"{p[1]}{p[3]}{p[2]}" for p in parts if p is not None}
    assert len(found) == len(texts) == 30
    assert "Note 3 says that day 21 was long, and that 3 follows.\n" in found


@pytest.mark.parametrize(
    ("eos", "flags"),
    [
        (319, "NullTokenizer --vocab-size 319 --make-vocab-size-divisible-by 128 "),
        (1, "NullTokenizer --vocab-size 1 --make-vocab-size-divisible-by 384 "),
        (0, "HuggingFaceTokenizer --tokenizer-model FOLDER "),  # a size of 0 is none to Megatron
    ],
)
def test_megatrons_flags_name_the_vocabularys_eos_and_hold_all_its_ids(
    eos: int, flags: str
) -> None:
    info = TokenizerInfo(digest="f" * 64, sentinels=Sentinels(eos=eos), vocab_size=320)
    assert f"--tokenizer-type {flags}" in megatron_flags(["train"], info)


def test_the_command_prints_the_flags_of_the_builds_own_vocabulary(
    out: Path, tmp_path: Path
) -> None:
    exported = str(tmp_path / "m")
    settings = make_settings("megatron")
    result = export(str(out), out=exported, settings=settings, workers=0, report=lambda *_: None)
    assert "--tokenizer-model FOLDER " in export_text(result)
