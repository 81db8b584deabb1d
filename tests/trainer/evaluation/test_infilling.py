"""Missing lines are drawn by the ids of documents, and only the very line counts."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from gristmill.corpus.held_out import HeldOutDocument
from gristmill.corpus.tokenizer import FIM_BEGIN, FIM_END, FIM_HOLE, Tokenizer, load_tokenizer
from gristmill.trainer.data.strata import Stratum
from gristmill.trainer.evaluation.held_out_rows import Chosen, choose_documents
from gristmill.trainer.evaluation.infilling import Task, infilled_lines, make_tasks
from gristmill.trainer.recipe import INFILL_TOKENS

TEXT = "".join(f"def step_{i}(value):\n    return value * {i} + 7\n\n" for i in range(9))
LENGTH = 1024


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return load_tokenizer()


def document(
    tokenizer: Tokenizer, text: str, number: int = 0, language: str = "Python"
) -> HeldOutDocument:
    tokens = np.append(tokenizer.encode(text), tokenizer.sentinels.eos).astype(np.int32)
    return HeldOutDocument("code", language, b"%16d" % number, tokens, len(text.encode()))


def parts(task: Task, tokenizer: Tokenizer) -> tuple[str, str]:
    ids = task.prompt
    hole = ids.index(FIM_HOLE)
    assert (ids[0], ids[-1]) == (FIM_BEGIN, FIM_END)
    before, after = ids[1:hole], ids[hole + 1 : -1]
    return tokenizer.decode_bytes(before).decode(), tokenizer.decode_bytes(after).decode()


def test_prefix_line_and_suffix_are_the_document(tokenizer: Tokenizer) -> None:
    texts = [TEXT, "a\r\nb\r\n", "\n\nif x:\n\ty", "\u4e2d\n\u6587\n"]
    documents = [document(tokenizer, text, i) for i, text in enumerate(texts)]
    tasks = list(make_tasks(documents, tokenizer, LENGTH))
    for task, text in zip(tasks, texts, strict=True):
        before, after = parts(task, tokenizer)
        assert before + task.line.decode() + after == text
        assert task.line.strip()


def test_a_documents_id_says_which_line(tokenizer: Tokenizer) -> None:
    documents = [document(tokenizer, TEXT, i) for i in range(12)]
    lines = [task.line for task in make_tasks(documents, tokenizer, LENGTH)]
    again = [task.line for task in make_tasks(documents[::-1], tokenizer, LENGTH)]
    assert again == lines[::-1]
    assert len(set(lines)) > 6


def test_a_text_of_one_line_gives_no_task(tokenizer: Tokenizer) -> None:
    documents = [document(tokenizer, text) for text in ("x = 1\n", "\n\n", "x")]
    assert list(make_tasks(documents, tokenizer, LENGTH)) == []


def test_long_documents_are_cut_to_what_is_next_to_the_hole(tokenizer: Tokenizer) -> None:
    whole = document(tokenizer, TEXT * 40)
    (task,) = make_tasks([whole], tokenizer, 200)
    before, after = parts(task, tokenizer)
    assert len(task.prompt) == 200 - INFILL_TOKENS
    assert before + task.line.decode() + after in TEXT * 40
    assert len(before) > 50
    assert len(after) > 50


def plays(answers: dict[int, list[int]]) -> Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]:
    """Return a model that says what it is told to after a prompt of a length."""

    def next_ids(tokens_BT: Tensor, _p: Tensor, _d: Tensor, last_B: Tensor) -> Tensor:
        chosen = []
        for row, last in zip(tokens_BT.tolist(), last_B.tolist(), strict=True):
            start = row.index(FIM_END) + 1
            chosen.append(answers[start][last + 1 - start])
        return torch.tensor(chosen)

    return next_ids


ANSWERS: dict[str, tuple[Callable[[str], str], bool, int]] = {
    "the line and EOS": (lambda line: line, True, 1),
    "the line and more lines": (lambda line: f"{line}\nreturn", False, 1),
    "another line": (lambda line: f"{line} # so", True, 0),
    "half of the line": (lambda line: line[:-1], True, 0),
    "an empty line first": (lambda line: f"\n{line}", True, 0),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_only_the_very_line_counts(tokenizer: Tokenizer, answer: str) -> None:
    chosen = choose_documents([document(tokenizer, TEXT)], max_tokens=10_000)
    (task,) = make_tasks(chosen[Stratum("code", "Python")].documents, tokenizer, LENGTH)
    said, ends, matches = ANSWERS[answer]
    ids = tokenizer.encode(said(task.line.decode())).tolist()
    ids += [tokenizer.sentinels.eos] if ends else []
    model = plays({len(task.prompt): ids})
    (score,) = infilled_lines(chosen, model, tokenizer, max_tasks=5, sequence_length=LENGTH)
    assert (score.language, score.tasks, score.matches) == ("Python", 1, matches)


def test_an_id_that_is_no_text_is_no_match(tokenizer: Tokenizer) -> None:
    chosen = choose_documents([document(tokenizer, TEXT)], max_tokens=10_000)
    (task,) = make_tasks(chosen[Stratum("code", "Python")].documents, tokenizer, LENGTH)
    model = plays({len(task.prompt): [FIM_HOLE]})
    (score,) = infilled_lines(chosen, model, tokenizer, max_tasks=5, sequence_length=LENGTH)
    assert score.exact_match == 0


def test_each_language_of_code_has_its_tasks(tokenizer: Tokenizer) -> None:
    documents = [document(tokenizer, TEXT, i, "Go" if i < 3 else "C") for i in range(20)]
    chosen: dict[Stratum, Chosen] = choose_documents(documents, max_tokens=100_000)
    chosen[Stratum("text", "en")] = chosen[Stratum("code", "C")]

    def says_eos(_t: Tensor, _p: Tensor, _d: Tensor, last_B: Tensor) -> Tensor:
        return torch.full_like(last_B, tokenizer.sentinels.eos)

    scores = infilled_lines(chosen, says_eos, tokenizer, max_tasks=5, sequence_length=LENGTH)
    assert {score.language: score.tasks for score in scores} == {"C": 5, "Go": 3}
