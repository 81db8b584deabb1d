"""The iterations: each has a model of its own, trained once, and what follows from it, made anew.

A model is trained on what was known when its iteration was first reached. It is kept then, so that
a changed decision, or pages that join the pool, cost no training and no score that is there.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ...corpus.errors import GristmillError
from ...filters.recall.collapse import collapse, table_digest, write_table
from ...filters.recall.decisions import AUTO
from ...filters.recall.drift import count_unigrams, drift
from ...filters.recall.equality import SAMPLE_PAGES, check_equality
from ...filters.recall.fasttext_file import read_fasttext
from ...filters.recall.guards import Alarm, find_alarms
from ...filters.recall.model import train
from ...filters.recall.passages import first_words
from ...filters.recall.sampling import sample_keys
from ...filters.recall.stopping import Progress, report_stop
from ..recall_settings import RecallTarget
from .asked import Asked, Known, Mask
from .costs import TRAIN_COST_FILE, TrainCost
from .draw import NEGATIVE, draw_pages
from .evidence import has_evidence
from .languages import taken_by_language
from .metrics import IterationMetrics
from .pool import Pages
from .quality import AuditQuality, judged_recalls, language_recalls, measure_quality
from .state import ModelRecord, Rank, State, as_lines
from .thresholds import decide_rank, logit, reach_threshold
from .topic import Topic, find_topic

Logits = npt.NDArray[np.float32]
ScoreBy = Callable[[int, Path, str], Logits]  # iteration, table, its digest
UNIGRAMS_FILE: Final = "unigrams.parquet"  # of the positives trained on


class Iteration(msgspec.Struct, frozen=True, kw_only=True):
    """What is known after an iteration."""

    logits: Logits
    is_ranked: Mask
    is_collected: Mask
    is_barred: Mask  # a person took the site out, or labelled the page so
    is_new: Mask  # collected, and not by the iteration before
    is_below: Mask  # not collected for its score alone
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
        self._languages = pages.labels("language")

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
            began = time.perf_counter(), time.process_time()
            record = self._train(number, seeds, before, folder)
            cost = TrainCost(
                seconds=round(time.perf_counter() - began[0], 3),
                cpu_seconds=round(time.process_time() - began[1], 3),
            )
            (folder / TRAIN_COST_FILE).write_bytes(as_lines(cost))
            (folder / "model.json").write_bytes(as_lines(record))
        return record

    def _train(
        self, number: int, seeds: Mask, before: Iteration | None, folder: Path
    ) -> ModelRecord:
        barred = self._known.is_audited()
        if self._target.evidence.is_asked:  # such pages are positives that nobody found yet
            barred = barred | self._has_evidence
        if before is not None:
            least = logit(self._target.draw.false_negative)
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
            drift=self._drift(number, words.filter(pa.array(drawn.is_positive)), folder),
            largest_difference=equality.largest_difference,
            num_compared=equality.num_pages,
        )

    def _drift(self, number: int, words: pa.ChunkedArray, folder: Path) -> float:
        """Return how far the positives' words are from the first iteration's; leave them behind."""
        unigrams = count_unigrams([words])
        pq.write_table(unigrams, folder / UNIGRAMS_FILE, compression="zstd")
        first = unigrams if number == 1 else pq.read_table(self._state.path(1, UNIGRAMS_FILE))
        return drift(unigrams, first)

    def _settle(
        self, number: int, record: ModelRecord, logits: Logits, before: Iteration | None
    ) -> Iteration:
        rank = self._rank(number, record, logits)
        is_high = reach_threshold(logits, self._languages, rank.threshold, rank.languages)
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
        is_new = is_collected & ~before.is_collected if before is not None else is_collected
        quality = measure_quality(self._pages, self._known, is_collected, topic.is_accepted, is_new)
        progress = self._progress(number, topic, quality, is_collected, before)
        return Iteration(
            logits=logits,
            is_ranked=is_ranked,
            is_collected=is_collected,
            is_barred=is_barred,
            is_new=is_new,
            is_below=self._has_evidence & ~is_high & ~is_collected & ~is_barred,
            topic=topic,
            metrics=self._metrics(
                record, rank, progress, topic, quality, before, is_high, is_ranked, is_collected
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
        """Return the thresholds of an iteration, as decided when it was first reached."""
        rank = self._state.read(number, "rank.json", Rank)
        if rank is None:
            may = self._has_evidence
            rank = decide_rank(
                logits[may],
                self._pages.num_tokens[may],
                self._languages[may],
                self._target,
                number=number,
                seed_tokens=record.seed_tokens,
            )
            self._state.write(number, "rank.json", rank)
        return rank

    def _metrics(
        self,
        record: ModelRecord,
        rank: Rank,
        progress: Progress,
        topic: Topic,
        quality: AuditQuality,
        before: Iteration | None,
        is_high: Mask,
        is_ranked: Mask,
        is_collected: Mask,
    ) -> IterationMetrics:
        verdicts = [one.verdict for one in topic.decisions]
        had = before.metrics.collected_pages if before is not None else 0
        return IterationMetrics(
            iteration=record.iteration,
            model=record.table_digest,
            threshold=1 / (1 + float(np.exp(-rank.threshold))),
            seed_pages=record.seed_pages,
            seed_tokens=record.seed_tokens,
            drift=record.drift,
            ranked_pages=int(is_ranked.sum()),
            lacking_pages=int((is_high & ~is_ranked).sum()),
            prefix_pages=int((is_collected & ~is_ranked).sum()),
            taken_out_pages=int((is_ranked & topic.is_taken_out).sum()),
            collected_pages=progress.num_collected,
            collected_tokens=progress.tokens,
            new_pages=progress.num_collected - progress.num_collected_before,
            new_tokens=progress.new_tokens,
            lost_pages=had - progress.num_collected_before,
            overlap=progress.num_collected_before / max(progress.num_collected, 1),
            languages=taken_by_language(
                self._languages,
                self._pages.num_tokens,
                is_seed=self._known.is_seed,
                is_ranked=is_ranked,
                is_collected=is_collected,
                thresholds=rank.languages,
                threshold=rank.threshold,
            ),
            domains_in_topic=int(np.asarray(topic.domains["in_topic"]).sum()),
            prefixes_accepted=verdicts.count("accept"),
            prefixes_rejected=verdicts.count("reject"),
            prefixes_open=topic.review.num_rows,
            decisions_by_people=sum(one.who != AUTO for one in topic.decisions),
            quality=quality,
            alarms=self._alarms(quality, before),
            stop=report_stop(progress, self._target.stop),
        )

    def _alarms(self, quality: AuditQuality, before: Iteration | None) -> tuple[Alarm, ...]:
        recalls = judged_recalls(
            quality,
            before.metrics.quality if before is not None else None,
            least_positives=self._target.stop.least_positives,
        )
        return find_alarms(recalls, quality.seed_purity, self._target.guards)
