"""Texts that other pipelines collapse: short, empty, uniform, without spaces, or drifting."""

import argparse
import inspect
import io
from collections.abc import Callable, Mapping
from itertools import combinations, pairwise
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.dedup.shingles import shingle_hashes
from gristmill.dedup.verify import jaccard
from gristmill.pipelines.dedup_command import dedup_files, dedup_settings
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines

THRESHOLD = 0.7
Dropped = dict[str, tuple[str, str, float]]
Deduplicate = Callable[..., Dropped]

MIT = """MIT License

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.
"""
ZLIB = """This software is provided 'as-is', without any express or implied warranty. In no event
will the authors be held liable for any damages arising from the use of this software.

Permission is granted to anyone to use this software for any purpose, including commercial
applications, and to alter it and redistribute it freely, subject to the following restrictions:
1. The origin of this software must not be misrepresented; you must not claim that you wrote the
original software.
2. Altered source versions must be plainly marked as such, and must not be misrepresented as being
the original software.
3. This notice may not be removed or altered from any source distribution.
"""
KANJI = (
    "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所で"
)
KANJI += "ニャーニャー泣いていた事だけは記憶している。吾輩はここで始めて人間というものを見た。"
HANGUL = (
    "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 천부적으로 이성과 "
)
HANGUL += "양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 한다."
BRAINFUCK = (
    "++++++++[>++++[>++>+++>+++>+<<<<-]>+>+>->>+[<]<-]>>.>---.+++++++..+++.>>.<-.<.+++.------"
)
LIFE = (
    "life\u2190{\u22831 \u2375\u2228.\u22273 4=+/,\u00af1 0 1\u2218.\u2296\u00af1 0 1\u2218.\u233d"
)
LIFE += "\u2282\u2375}\n"
SORT = "sort\u2190{\u2375[\u234b\u2375]}\nmean\u2190{(+/\u2375)\u00f7\u2262\u2375}\n"


@pytest.fixture
def deduplicate(tmp_path: Path) -> Deduplicate:
    """Return what gives reason, keeper and similarity of every text that is dropped, by name."""

    def run(texts: Mapping[str, str], *, num_files: int = 1, partitions: int = 1) -> Dropped:
        base = tmp_path / str(len(list(tmp_path.iterdir())))
        base.mkdir()
        names = list(texts)
        for i in range(num_files):
            part = names[i::num_files]
            table = pa.table({"id": part, "text": [texts[name] for name in part]})
            pq.write_table(table, base / f"{i}.parquet")
        result = dedup_files(
            [str(base / "*.parquet")],
            out=str(base / "out"),
            settings=dedup_settings(threshold=None, partitions=partitions, memory_bytes=None),
            text_field="text",
            id_field="id",
            executor=LocalExecutor(),
            observer=JsonLines(io.StringIO()),
        )
        assert not result.failures
        rows = pq.read_table(base / "out/duplicates.parquet").to_pylist()
        dropped = {row["id"]: (row["reason"], row["keeper"], row["similarity"]) for row in rows}
        kept = pq.read_table(base / "out/kept")["id"].to_pylist()
        assert sorted([*kept, *dropped]) == sorted(names)
        assert all(keeper in kept for _, keeper, _ in dropped.values())
        return dropped

    return run


def of(texts: list[str]) -> dict[str, str]:
    return {f"file{i}": text for i, text in enumerate(texts)}


def reasons(dropped: Dropped) -> list[str]:
    return sorted(reason for reason, _, _ in dropped.values())


@pytest.mark.parametrize(
    "texts",
    [
        ["import os", "import os\n", "import os;", "import  os", "#!/bin/sh", "x", "y", "{}", "[]"],
        ["", " ", "\n", "\n\n", "\t", "\0", "\ufeff"],
        ["x " * 50, "y " * 50, "x\n" * 2 + "y\n", "0, " * 1000, "1, " * 1000],
        ["a", "aa", "a" * 10_000, "a" * 10_001, "b" * 10_000],
        [MIT, ZLIB, KANJI, HANGUL, BRAINFUCK, LIFE, SORT],
        [KANJI[:9], KANJI[9:18], "漢字", "字漢", "한글", "かな"],
        ["+[-]", "[+-]", ",[.,]", "\u2373 5", "\u2375\u2190\u2373 5"],
    ],
    ids=["one line", "empty", "one token", "one word", "languages", "short CJK", "short signs"],
)
def test_texts_that_only_look_alike_are_all_kept(
    deduplicate: Deduplicate, texts: list[str]
) -> None:
    assert deduplicate(of(texts)) == {}


@pytest.mark.parametrize("text", ["", "\n", "import os", "x " * 50, MIT, KANJI, BRAINFUCK, LIFE])
def test_every_text_has_its_copies_dropped_for_one_keeper(
    deduplicate: Deduplicate, text: str
) -> None:
    dropped = deduplicate(of([text, text, text, "another text"]))
    assert reasons(dropped) == ["exact_duplicate"] * 2
    assert len({keeper for _, keeper, _ in dropped.values()}) == 1
    assert {similarity for _, _, similarity in dropped.values()} == {1.0}


def test_repetitions_of_one_token_are_near_duplicates_whatever_their_number(
    deduplicate: Deduplicate,
) -> None:
    dropped = deduplicate(of(["x " * 50, "x " * 51, "x\n" * 1000, "y " * 50]))
    assert reasons(dropped) == ["near_duplicate"] * 2
    assert "file3" not in dropped


def test_licence_files_are_dropped_for_other_holders_of_the_same_licence_only(
    deduplicate: Deduplicate,
) -> None:
    holders = ["Ada Lovelace", "Grace Hopper"]
    texts = [f"Copyright (c) 20{i} {holders[i]}\n\n{text}" for text in (MIT, ZLIB) for i in (0, 1)]
    dropped = deduplicate(of(texts))
    assert reasons(dropped) == ["near_duplicate"] * 2
    for name, (_, keeper, similarity) in dropped.items():
        assert {name, keeper} in ({"file0", "file1"}, {"file2", "file3"})
        assert similarity > 0.85


@pytest.mark.parametrize("text", [KANJI, HANGUL * 2, BRAINFUCK, LIFE * 2 + SORT * 2])
def test_scripts_and_languages_without_words_have_near_duplicates(
    deduplicate: Deduplicate, text: str
) -> None:
    texts = [text, text + text[:3], text[::-1]]
    assert reasons(deduplicate(of(texts))) == ["near_duplicate"]
    assert "file2" not in deduplicate(of(texts))


def test_a_huge_line_is_a_text_like_any_other(deduplicate: Deduplicate) -> None:
    generator = np.random.default_rng(3)
    numbers = generator.integers(0, 1 << 30, 200_000).tolist()
    line = ",".join(map(str, numbers))
    changed = ",".join(map(str, numbers[:190_000]))
    dropped = deduplicate({"whole": line, "short": changed, "half": line[: len(line) // 2]})
    assert len(line) > 1_800_000
    assert reasons(dropped) == ["near_duplicate"]
    ((name, (_, keeper, similarity)),) = dropped.items()
    assert {name, keeper} == {"whole", "short"}
    assert similarity == pytest.approx(0.95, abs=0.001)


def test_the_order_of_the_texts_their_files_and_partitions_change_nothing(
    deduplicate: Deduplicate,
) -> None:
    files = of([MIT, MIT, f"{MIT} One more line of it.", "", "", "x " * 50, "x " * 60, KANJI])
    files |= {f"drift{i}": text for i, text in enumerate(drifting_source(30))}
    expected = deduplicate(files)
    assert set(reasons(expected)) == {"exact_duplicate", "near_duplicate"}
    names = list(files)
    for seed in range(1, 5):
        Random(seed).shuffle(names)
        shuffled = {name: files[name] for name in names}
        assert deduplicate(shuffled, num_files=seed, partitions=5 - seed) == expected


def drifting_source(num_versions: int) -> list[str]:
    """Return versions of a module of the standard library, each by a small edit from the last.

    An edit takes ten lines out and writes ten others elsewhere.
    """
    lines = inspect.getsource(argparse).splitlines(keepends=True)[:600]
    generator = np.random.default_rng(5)
    versions = []
    for version in range(num_versions):
        versions.append("".join(lines))
        start = int(generator.integers(0, len(lines) - 10))
        del lines[start : start + 10]
        place = int(generator.integers(0, len(lines)))
        lines[place:place] = [f"    self.field_{version}_{i} = read({i})\n" for i in range(10)]
    return versions


def test_a_drifting_source_keeps_versions_that_stand_for_the_others(
    deduplicate: Deduplicate,
) -> None:
    texts = drifting_source(80)
    shingles = [shingle_hashes(text) for text in texts]
    assert min(jaccard(a, b) for a, b in pairwise(shingles)) > 0.9
    assert jaccard(shingles[0], shingles[-1]) < 0.3
    dropped = deduplicate(of(texts))
    kept = [i for i in range(len(texts)) if f"file{i}" not in dropped]
    assert 80 / 20 < len(kept) < 80 / 4
    number = {f"file{i}": i for i in range(len(texts))}
    for name, (_, keeper, similarity) in dropped.items():
        assert number[keeper] in kept
        assert similarity == np.float32(jaccard(shingles[number[name]], shingles[number[keeper]]))
        assert similarity >= THRESHOLD
    # Two kept versions that resemble each other are a pair that no band has found.
    beside = [jaccard(shingles[i], shingles[j]) for i, j in combinations(kept, 2)]
    assert max(beside) < 0.9
