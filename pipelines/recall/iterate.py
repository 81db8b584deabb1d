"""The iterations: each has a model of its own, trained once, and what follows from it, made anew.

A model is trained on what was known when its iteration was first reached. It is kept then, so that
a changed decision, or pages that join the pool, cost no training and no score that is there.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from ...corpus.errors import GristmillError
from ...filters.recall.collapse import collapse, table_digest, write_table
from ...filters.recall.decisions import AUTO
from ...filters.recall.equality import SAMPLE_PAGES, check_equality
from ...filters.recall.fasttext_file import read_fasttext
from ...filters.recall.model import train
from ...filters.recall.passages import first_words
from ...filters.recall.sampling import sample_keys
from ...filters.recall.stopping import Progress, StopReport, report_stop
from ..recall_settings import RecallTarget
from ..stage import value_counts
from .asked import Asked, Known, Mask
from .draw import NEGATIVE, draw_pages
from .evidence import has_evidence
from .pool import Pages
from .quality import AuditQuality, language_recalls, measure_quality
from .state import ModelRecord, Rank, State
from .topic import Topic, find_topic

Logits = npt.NDArray[np.float32]
ScoreBy = Callable[[int, Path, str], Logits]  # iteration, table, its digest


class IterationMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """metrics.json: what an iteration came to."""

    iteration: int
    model: str  # the digest of its table
    threshold: float  # a probability
    seed_pages: int
    seed_tokens: int
    ranked_pages: int  # at or above the threshold, with the evidence that is asked for
    lacking_pages: int  # at or above the threshold, left out for lack of evidence
    prefix_pages: int  # collected for an accepted prefix alone
    taken_out_pages: int  # ranked, but below a prefix that a person did not accept
    collected_pages: int
    collected_tokens: int
    new_pages: int
    new_tokens: int
    languages: dict[str, int]  # collected pages
    domains_in_topic: int
    prefixes_accepted: int
    prefixes_rejected: int
    prefixes_open: int
    decisions_by_people: int
    quality: AuditQuality
    stop: StopReport


class Iteration(msgspec.Struct, frozen=True, kw_only=True):
    """What is known after an iteration."""

    logits: Logits
    is_ranked: Mask
    is_collected: Mask
    is_barred: Mask  # a person took the site out, or labelled the page so
    topic: Topic
    metrics: IterationMetrics


class Loop:
    """Runs the iterations of one target over its pool."""

    def __init__(
        self, target: RecallTarget, state: State, pages: Pages, asked: Asked, known: Known
    ) -> None:
        self._target, self._state, self._pages = target, state, pages
        self._asked, self._known = asked, known
        self._has_evidence = has_evidence(pages.table, target.evidence)
        self._key = asked.key(target)

    def run(self, score: ScoreBy) -> Iterator[Iteration]:
        """Yield every iteration, until the rule to stop holds and no further model is there."""
        known = self._known
        seeds, before = known.is_seed, None
        for number in range(1, self._target.stop.max_iterations + 1):
            record = self._model(number, seeds, before)
            path = self._state.path(number, "table.bin")
            logits = score(number, path, record.table_digest)
            before = self._settle(number, record, logits, before)
            yield before
            if before.metrics.stop.stops and self._state.model(number + 1) is None:
                return
            added = before.topic.is_accepted & self._has_evidence
            seeds = (seeds | added) & ~before.is_barred & ~known.is_audited()

    def _model(self, number: int, seeds: Mask, before: Iteration | None) -> ModelRecord:
        """Return an iteration's model, trained now if it is not there or not of these settings."""
        record = self._state.model(number)
        if record is not None and record.key == self._key:
            return record
        self._state.drop_from(number)
        if not seeds.any():
            raise GristmillError(
                "no page of the pool is a seed",
                where=f"recall.target `{self._target.name}`",
                todo="Name sites whose pages are in the pool, or label pages of it.",
            )
        with self._state.new(number) as folder:
            record = self._train(number, seeds, before, folder)
            data = msgspec.json.format(msgspec.json.encode(record, order="deterministic"))
            (folder / "model.json").write_bytes(data + b"\n")
        return record

    def _train(
        self, number: int, seeds: Mask, before: Iteration | None, folder: Path
    ) -> ModelRecord:
        barred = self._known.is_audited()
        if self._target.evidence.is_asked:  # such pages are positives that nobody found yet
            barred = barred | self._has_evidence
        if before is not None:
            least = _logit(self._target.draw.false_negative)
            barred = barred | before.topic.is_accepted | (before.logits > least)
        drawn = draw_pages(
            self._pages,
            seeds=seeds,
            negatives=self._known.is_negative,
            barred=barred,
            settings=self._target.draw,
            iteration=number,
        )
        words = first_words(self._pages.words(drawn.rows), self._target.train_words)
        trained = train(words, drawn.labels(), self._target.train, folder / "model.bin")
        model = collapse(read_fasttext(folder / "model.bin"), NEGATIVE)
        keys = sample_keys(self._pages.table["doc_id"], seed=number, purpose="equality")
        compared = np.argsort(keys, kind="stable")[:SAMPLE_PAGES]
        equality = check_equality(model, folder / "model.bin", self._pages.words(compared))
        (folder / "table.bin").write_bytes(write_table(model))
        return ModelRecord(
            key=self._key,
            iteration=number,
            table_digest=table_digest(model),
            trained=trained,
            num_positives=int(drawn.is_positive.sum()),
            num_negatives=int((~drawn.is_positive).sum()),
            seed_pages=int(seeds.sum()),
            seed_tokens=int(self._pages.num_tokens[seeds].sum()),
            over_host_cap=drawn.over_host_cap,
            over_size=drawn.over_size,
            missing_negatives=drawn.missing_negatives,
            largest_difference=equality.largest_difference,
            num_compared=equality.num_pages,
        )

    def _settle(
        self, number: int, record: ModelRecord, logits: Logits, before: Iteration | None
    ) -> Iteration:
        rank = self._state.read(number, "rank.json", Rank)
        if rank is None:
            rank = self._rank(number, record, logits)
            self._state.write(number, "rank.json", rank)
        is_high = logits >= np.float32(rank.threshold)
        is_ranked = is_high & self._has_evidence
        topic = find_topic(
            self._pages,
            is_ranked,
            self._asked.decisions,
            self._target,
            number,
            may_join=self._has_evidence,
        )
        is_barred = topic.is_taken_out | self._known.is_negative
        is_collected = (is_ranked | (topic.is_accepted & self._has_evidence)) & ~is_barred
        quality = measure_quality(self._pages, self._known, is_collected, topic.is_accepted)
        progress = self._progress(number, topic, quality, is_collected, before)
        return Iteration(
            logits=logits,
            is_ranked=is_ranked,
            is_collected=is_collected,
            is_barred=is_barred,
            topic=topic,
            metrics=self._metrics(
                record, rank, progress, topic, quality, is_high, is_ranked, is_collected
            ),
        )

    def _progress(
        self,
        number: int,
        topic: Topic,
        quality: AuditQuality,
        is_collected: Mask,
        before: Iteration | None,
    ) -> Progress:
        was = before.is_collected if before is not None else np.zeros_like(is_collected)
        tokens = self._pages.num_tokens
        return Progress(
            iteration=number,
            num_collected=int(is_collected.sum()),
            num_collected_before=int((is_collected & was).sum()),
            tokens=int(tokens[is_collected].sum()),
            new_tokens=int(tokens[is_collected & ~was].sum()),
            languages=language_recalls(quality, before.metrics.quality if before else None),
            largest_open_review_tokens=max(topic.review["new_tokens"].to_pylist(), default=0),
            is_over_budget=False,
        )

    def _rank(self, number: int, record: ModelRecord, logits: Logits) -> Rank:
        """Return the score from which pages are collected.

        It is where the budget is spent, and of later models the least score as well. Without a
        budget of the recipe, that of the seeds is for the first model alone where evidence is
        asked for: evidence bounds the collection, and few seeds would bound it far below.
        """
        target, may = self._target, self._has_evidence
        least = _logit(target.least_probability) if number > 1 else float("-inf")
        budgets = target.token_budget or (int(target.seed_multiple * record.seed_tokens),)
        budget: int | None = budgets[min(number, len(budgets)) - 1]
        if number > 1 and target.evidence.is_asked and not target.token_budget:
            budget = None
        threshold = least
        if budget is not None:
            tokens = self._pages.num_tokens[may]
            threshold = max(least, budget_threshold(logits[may], tokens, budget))
        return Rank(threshold=threshold, budget_tokens=budget, num_pages=len(logits))

    def _metrics(
        self,
        record: ModelRecord,
        rank: Rank,
        progress: Progress,
        topic: Topic,
        quality: AuditQuality,
        is_high: Mask,
        is_ranked: Mask,
        is_collected: Mask,
    ) -> IterationMetrics:
        languages = self._pages.table["language"].filter(is_collected)
        verdicts = [one.verdict for one in topic.decisions]
        return IterationMetrics(
            iteration=record.iteration,
            model=record.table_digest,
            threshold=1 / (1 + float(np.exp(-rank.threshold))),
            seed_pages=record.seed_pages,
            seed_tokens=record.seed_tokens,
            ranked_pages=int(is_ranked.sum()),
            lacking_pages=int((is_high & ~is_ranked).sum()),
            prefix_pages=int((is_collected & ~is_ranked).sum()),
            taken_out_pages=int((is_ranked & topic.is_taken_out).sum()),
            collected_pages=progress.num_collected,
            collected_tokens=progress.tokens,
            new_pages=progress.num_collected - progress.num_collected_before,
            new_tokens=progress.new_tokens,
            languages=dict(sorted(value_counts(languages).items())),
            domains_in_topic=int(np.asarray(topic.domains["in_topic"]).sum()),
            prefixes_accepted=verdicts.count("accept"),
            prefixes_rejected=verdicts.count("reject"),
            prefixes_open=topic.review.num_rows,
            decisions_by_people=sum(one.who != AUTO for one in topic.decisions),
            quality=quality,
            stop=report_stop(progress, self._target.stop),
        )


def budget_threshold(logits: Logits, tokens: npt.NDArray[np.int64], budget: int) -> float:
    """Return the least score such that the pages from it on have at most `budget` tokens.

    Pages of equal scores are in or out together; where already the best are too many, they are in.
    """
    if not len(logits):
        return 0.0
    order = np.argsort(-logits, kind="stable")
    ranked = logits[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], [True]))
    spent = np.cumsum(tokens[order])[ends]
    last = max(int(np.searchsorted(spent, budget, side="right")) - 1, 0)
    return float(ranked[ends[last]])


def _logit(probability: float) -> float:
    if probability <= 0:
        return float("-inf")
    return float(np.log(probability / (1 - probability)))
