import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

SCRIPT = Path(__file__).with_name("fuzz.py")
SPEC = importlib.util.spec_from_file_location("gristmill_fuzz", SCRIPT)
assert SPEC is not None
assert SPEC.loader is not None
FUZZ = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(FUZZ)

EXAMPLES = {
    "parser": 15,
    "detector": 100,
    "heuristics": 200,
    "clues": 100,
    "decode": 200,
    "markup": 200,
}
WORDS = st.sampled_from(
    [
        *(
            "a.h\n",
            "a.m\n",
            "x\n",
            "\n",
            "\r\n",
            " ",
            "\t",
            "\0",
            "import ",
            "from ",
            "use ",
            "class ",
        ),
        *(
            "#!",
            "/usr/bin/env ",
            "-*-",
            "vim:",
            "ft=",
            "(",
            "{",
            "[",
            '"',
            "'",
            "\\",
            "/*",
            "*/",
            "<",
        ),
        *("#include ", "\ufeff", "\u6f22", "license ", "gnu general public license version "),
    ]
)
INPUTS = st.one_of(
    st.binary(max_size=200),
    st.text().map(lambda text: text.encode()),
    st.lists(WORDS).map(lambda words: "".join(words).encode()),
    st.lists(WORDS).map(lambda words: "".join(words).encode("utf-16")),
)


@cache
def target(name: str) -> Callable[[bytes], None]:
    run: Callable[[bytes], None] = FUZZ.TARGETS[name]()
    return run


@pytest.mark.parametrize("name", sorted(FUZZ.TARGETS))
def test_any_bytes_are_read_without_an_error(name: str) -> None:
    @given(INPUTS)
    @settings(max_examples=EXAMPLES[name], deadline=None)
    def check(data: bytes) -> None:
        target(name)(data)

    check()


@pytest.mark.parametrize("name", sorted(FUZZ.TARGETS))
def test_every_target_starts_from_files_it_can_read(name: str) -> None:
    seeds = list(FUZZ.seeds(name))
    assert len(set(seeds)) > 20
    for seed in seeds[:: len(seeds) // 5]:
        target(name)(seed)
