"""Missing lines of held-out code, filled in: how often the first line is right to the letter.

As the single-line infilling that DeepSeek-Coder-V2 (table 6) reports: one line is taken out of a
document, the model sees what is before and after it, and its first line is compared.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from ...corpus.errors import GristmillError
from ...corpus.held_out import HeldOutDocument
from ...corpus.ids import seeded_hash
from ...corpus.tokenizer import Tokenizer
from ...corpus.tokenizer_info import TokenizerInfo
from ..data.strata import Stratum
from ..recipe import INFILL_TOKENS
from .generate import NextIds, generate
from .held_out_rows import Chosen
from .scores import FimScore

_SEED: Final = 0
_BATCH: Final = 8  # prompts at once


class Task(NamedTuple):
    """One missing line: what the model is given, and the line without its end."""

    language: str
    prompt: list[int]
    line: bytes


def infilled_lines(
    chosen: dict[Stratum, Chosen],
    next_ids: NextIds,
    tokenizer: Tokenizer,
    *,
    max_tasks: int,
    sequence_length: int,
) -> tuple[FimScore, ...]:
    """Return how many lines were filled in, of at most `max_tasks` of each language of code."""
    tasks = [
        task
        for stratum, found in chosen.items()
        if stratum.component == "code"
        for task in islice(make_tasks(found.documents, tokenizer, sequence_length), max_tasks)
    ]
    counts, matches = Counter(task.language for task in tasks), Counter[str]()
    for start in range(0, len(tasks), _BATCH):
        batch = tasks[start : start + _BATCH]
        matches.update(task.language for task in _filled_in(batch, next_ids, tokenizer))
    return tuple(
        FimScore(language=language, tasks=count, matches=matches[language])
        for language, count in counts.items()
    )


def hole_marks(tokenizer: TokenizerInfo) -> tuple[int, int, int]:
    """Return what stands before, in place of and after a hole."""
    found = tokenizer.sentinels
    if found.fim_begin is None or found.fim_hole is None or found.fim_end is None:
        raise GristmillError(
            f"{tokenizer.name} has no tokens for documents with a hole",
            where="evaluation.fim_samples",
            todo="Set it to 0, or name fim_hole, fim_begin and fim_end of the build's tokenizer.",
        )
    return found.fim_begin, found.fim_hole, found.fim_end


def make_tasks(
    documents: Iterable[HeldOutDocument], tokenizer: Tokenizer, sequence_length: int
) -> Iterator[Task]:
    """Yield a task of each document that has a line to take out; its id says which."""
    marks = hole_marks(tokenizer.info)
    room = sequence_length - INFILL_TOKENS - len(marks)
    assert room >= INFILL_TOKENS, "recipe_file sees to it"
    for document in documents:
        text = tokenizer.decode_bytes(document.tokens[:-1]).decode()
        lines = text.split("\n")
        candidates = [i for i, line in enumerate(lines) if line.strip()]
        if len(candidates) < 2:  # a text of one line leaves nothing to see
            continue
        draw = seeded_hash("infill", _SEED, document.doc_id)
        at = candidates[draw * len(candidates) >> 64]
        before = "".join(f"{line}\n" for line in lines[:at])
        after = "".join(f"\n{line}" for line in lines[at + 1 :])
        prompt = _prompt(before, after, marks, room, tokenizer)
        yield Task(document.language, prompt, lines[at].encode())


def _prompt(
    before: str, after: str, marks: tuple[int, int, int], room: int, tokenizer: Tokenizer
) -> list[int]:
    """Return the tokens around a hole, those next to it where there is not room for all."""
    begin, hole, end = marks
    prefix, suffix = (tokenizer.encode(text).tolist() for text in (before, after))
    num_before = max(room - len(suffix), room // 2)
    prefix = prefix[max(0, len(prefix) - num_before) :]
    return [begin, *prefix, hole, *suffix[: room - len(prefix)], end]


def _filled_in(tasks: list[Task], next_ids: NextIds, tokenizer: Tokenizer) -> Iterator[Task]:
    """Yield the tasks whose first generated line is the missing one."""

    def is_done(i: int, tokens: list[int]) -> bool:
        """Stop at the line's end, and as soon as it is another line."""
        line, has_ended = _first_line(tokens, tokenizer)
        return has_ended or not tasks[i].line.startswith(line)

    generated = generate(
        [task.prompt for task in tasks], next_ids, max_tokens=INFILL_TOKENS, is_done=is_done
    )
    for task, tokens in zip(tasks, generated, strict=True):
        if _first_line(tokens, tokenizer) == (task.line, True):
            yield task


def _first_line(tokens: list[int], tokenizer: Tokenizer) -> tuple[bytes, bool]:
    """Return the first line of what was generated, and whether it has ended."""
    at_end = tokens[-1] == tokenizer.sentinels.eos
    try:
        text = tokenizer.decode_bytes(tokens[:-1] if at_end else tokens)
    except GristmillError:  # a model may choose an id that stands for no text
        return b"", True  # no task's line is empty
    line, newline, _ = text.partition(b"\n")
    return line, at_end or bool(newline)
