"""The iterations: each has a model of its own, trained once, and what follows from it, made anew.

A model is trained on what was known when its iteration was first reached. It is kept then, so that
a changed decision, or pages that join the pool, cost no training and no score that is there.
"""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...corpus.errors import GristmillError
from ...corpus.storage import exists, write_bytes
from ...filters.recall.drift import drift
from ...filters.recall.guards import Alarm, find_alarms
from ...filters.recall.stopping import Progress, report_stop
from ..stages.recall_verdicts import AUDIT
from .asked import Asked
from .costs import TRAIN_COST_FILE, TrainCost
from .draw_graph import DrawGraph
from .graph import LoopGraph
from .languages import taken_by_language
from .metrics import IterationMetrics
from .output import open_questions, write_iteration
from .pool import PoolGraph
from .quality import AuditQuality, judged_recalls, language_recalls, measure_quality
from .ranking import rank_pages
from .sample import audit_sample
from .state import ModelRecord, Rank, State, as_lines
from .thresholds import decide_rank, logit
from .training import train_model
from .work import Work

UNIGRAMS_FILE: Final = "unigrams.parquet"  # of the positives trained on


class Loop:
    """Runs the iterations of one target over its pool; holds counts and no pages."""

    def __init__(
        self, state: State, pool: PoolGraph, graph: LoopGraph, work: Work, asked: Asked
    ) -> None:
        self._state, self._pool, self._graph, self._work = state, pool, graph, work
        self._target = graph.target
        self._key = asked.key(self._target)
        self._asked = asked

    def run(self) -> Iterator[IterationMetrics]:
        """Yield every iteration, until the rule to stop holds and no further model is there."""
        self._work.run(self._graph.known(self._asked))
        before: IterationMetrics | None = None
        for number in range(1, self._target.stop.max_iterations + 1):
            record = self._model(number)
            table = self._state.path(number, "table.bin")
            self._work.run(self._pool.scores(number, table, record.table_digest))
            rank = self._rank(number, record)
            self._work.run(self._graph.sites(number, rank))
            before = self._metrics(record, rank, before)
            write_iteration(self._state, self._work, self._graph, number)
            self._state.write(number, "metrics.json", before)
            yield before
            if before.stop.stops and self._state.model(number + 1) is None:
                return

    def _model(self, number: int) -> ModelRecord:
        """Return an iteration's model, trained now if it is not there or not of these settings."""
        record = self._state.model(number)
        if record is not None and record.key == self._key:
            return record
        self._state.drop_from(number)
        seeds = self._seeds(number)
        if not seeds[0]:
            raise GristmillError(
                "no page of the pool is a seed",
                where=f"recall.target `{self._target.name}`",
                todo="Name sites whose pages are in the pool, or label pages of it.",
            )
        least = logit(self._target.draw.false_negative) if number > 1 else None
        draw = DrawGraph(self._graph, number, least)
        with self._state.new(number) as folder:
            began = time.perf_counter(), time.process_time()
            record = self._train(number, seeds, draw, folder)
            cost = TrainCost(
                seconds=round(time.perf_counter() - began[0], 3),
                cpu_seconds=round(time.process_time() - began[1], 3),
            )
            (folder / TRAIN_COST_FILE).write_bytes(as_lines(cost))
            (folder / "model.json").write_bytes(as_lines(record))
        self._work.discard(draw.made)
        return record

    def _seeds(self, number: int) -> tuple[int, int]:
        """Return how many seeds an iteration has, and their tokens."""
        if number == 1:
            counts = self._known("seeds")
            return counts["pages"], counts["tokens"]
        verdicts = self._graph.of("recall_verdicts", number - 1)
        pages, tokens = (self._work.counts(verdicts, what) for what in ("pages", "tokens"))
        return pages["seeds"], tokens["seeds"]

    def _train(
        self, number: int, seeds: tuple[int, int], draw: DrawGraph, folder: Path
    ) -> ModelRecord:
        trained = train_model(self._work, draw, folder)
        drawn = trained.drawn
        return ModelRecord(
            key=self._key,
            iteration=number,
            table_digest=trained.table_digest,
            trained=trained.model,
            num_positives=drawn.num_positives,
            num_negatives=drawn.num_negatives,
            seed_pages=seeds[0],
            seed_tokens=seeds[1],
            over_host_cap=drawn.over_host_cap,
            over_size=drawn.over_size,
            missing_negatives=drawn.missing_negatives,
            drift=self._drift(number, trained.unigrams, folder),
            largest_difference=trained.largest_difference,
            num_compared=trained.num_compared,
        )

    def _drift(self, number: int, unigrams: pa.Table, folder: Path) -> float:
        """Return how far the positives' words are from the first iteration's; leave them behind."""
        pq.write_table(unigrams, folder / UNIGRAMS_FILE, compression="zstd")
        first = unigrams if number == 1 else pq.read_table(self._state.path(1, UNIGRAMS_FILE))
        return drift(unigrams, first)

    def _rank(self, number: int, record: ModelRecord) -> Rank:
        """Return what is collected by score, decided once; then the sample is drawn too."""
        rank = self._state.read(number, "rank.json", Rank)
        sample = str(self._state.folder / "audit-sample.tsv")
        is_sampled = number > 1 or exists(sample)
        if rank is not None and is_sampled:
            return rank
        ranking = rank_pages(self._work, self._graph, number)
        if rank is None:
            rank = decide_rank(
                self._work,
                self._graph,
                ranking,
                number=number,
                seed_tokens=record.seed_tokens,
                num_pages=self._known("pages")["pool"],
            )
            self._state.write(number, "rank.json", rank)
        if not is_sampled:
            write_bytes(sample, audit_sample(self._work, self._graph, ranking).encode())
        self._work.discard(ranking.made)
        return rank

    def _known(self, what: str) -> Counter[str]:
        return self._work.counts(self._graph.of("recall_known"), what)

    def _metrics(
        self, record: ModelRecord, rank: Rank, before: IterationMetrics | None
    ) -> IterationMetrics:
        work, graph, number = self._work, self._graph, record.iteration
        verdicts = graph.of("recall_verdicts", number)
        decisions = graph.of_parts("recall_decisions", number)
        pages, tokens = (work.counts(verdicts, what) for what in ("pages", "tokens"))
        prefixes = work.counts(decisions, "prefixes")
        quality = self._quality(number)
        largest = open_questions(work, graph, number)["new_tokens"].to_pylist()
        progress = Progress(
            iteration=number,
            num_collected=pages["collected"],
            num_collected_before=pages["kept"],
            tokens=tokens["collected"],
            new_tokens=tokens["new"],
            languages=language_recalls(quality, before.quality if before else None),
            largest_open_review_tokens=max(largest, default=0),
            is_over_budget=False,
        )
        domains = work.counts(graph.of_parts("recall_domains", number), "hosts")
        return IterationMetrics(
            iteration=number,
            model=record.table_digest,
            threshold=1 / (1 + float(np.exp(-rank.threshold))),
            seed_pages=record.seed_pages,
            seed_tokens=record.seed_tokens,
            drift=record.drift,
            ranked_pages=pages["ranked"],
            lacking_pages=pages["lacking"],
            prefix_pages=pages["prefix"],
            taken_out_pages=pages["taken_out"],
            collected_pages=pages["collected"],
            collected_tokens=tokens["collected"],
            new_pages=pages["new"],
            new_tokens=tokens["new"],
            lost_pages=(before.collected_pages if before is not None else 0) - pages["kept"],
            overlap=pages["kept"] / max(pages["collected"], 1),
            languages=taken_by_language(
                pages=self._known("languages"),
                seeds=self._known("seed_languages"),
                ranked=work.counts(verdicts, "ranked_languages"),
                collected=work.counts(verdicts, "languages"),
                tokens=work.counts(verdicts, "language_tokens"),
                thresholds=rank.languages,
                threshold=rank.threshold,
            ),
            domains_in_topic=domains["in_topic"],
            prefixes_accepted=prefixes["accept"],
            prefixes_rejected=prefixes["reject"],
            prefixes_open=prefixes["open"],
            decisions_by_people=prefixes["by_people"],
            quality=quality,
            alarms=self._alarms(quality, before),
            stop=report_stop(progress, self._target.stop),
        )

    def _alarms(self, quality: AuditQuality, before: IterationMetrics | None) -> tuple[Alarm, ...]:
        recalls = judged_recalls(
            quality,
            before.quality if before is not None else None,
            least_positives=self._target.stop.least_positives,
        )
        return find_alarms(recalls, quality.seed_purity, self._target.guards)

    def _quality(self, number: int) -> AuditQuality:
        """Return what the audit set says; its rows are read from the shards that have any."""
        known = dict(zip(self._graph.names, self._graph.of("recall_known"), strict=True))
        names = [
            name
            for name, node in known.items()
            if self._work.counts([node], "known")["audited_pages"]
        ]
        nodes = self._graph.audited(number, names)
        self._work.run(nodes)
        tables = self._work.tables(node.id for node in nodes)
        audited = pa.concat_tables([AUDIT.empty_table(), *tables])
        return measure_quality(audited, len(self._asked.audit) - self._known("known")["audited"])
