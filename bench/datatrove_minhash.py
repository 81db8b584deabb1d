"""The four MinHash steps of datatrove on Parquet files, as a command that bench/dedup.py measures.

Its default settings (5-grams, 14 buckets of 8 hashes, xxhash), a regular expression for its words,
one task a file and one a bucket, on a pool of two processes. OUT gets its signatures, its pairs,
its clusters with their ids, and kept/*.parquet. Needs `pip install -e .[peers]`.
"""

import argparse
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import ParquetWriter
from regex_words import RegexWords


def main() -> None:
    """Run the steps one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path, help="folder of Parquet files with id and text")
    parser.add_argument("out", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    corpus, out, workers = given.corpus, given.out, given.workers
    num_files = len(list(corpus.glob("*.parquet")))
    config = MinhashConfig()

    def run(name: str, steps: list[PipelineStep], num_tasks: int) -> None:
        logs = str(out / "logs" / name)
        LocalPipelineExecutor(steps, tasks=num_tasks, workers=workers, logging_dir=logs).run()

    sign = MinhashDedupSignature(str(out / "signatures"), config=config, language=RegexWords())
    run("sign", [reader(corpus), sign], num_files)
    pairs = MinhashDedupBuckets(str(out / "signatures"), str(out / "pairs"), config=config)
    run("pairs", [pairs], config.num_buckets)
    clusters = MinhashDedupCluster(
        str(out / "pairs"), str(out / "clusters"), config=config, save_cluster_id=True
    )
    run("clusters", [clusters], 1)
    keep = MinhashDedupFilter(str(out / "clusters"))
    writer = ParquetWriter(str(out / "kept"), compression="zstd")
    run("keep", [reader(corpus), keep, writer], num_files)


def reader(corpus: Path) -> ParquetReader:
    """Return a reader of the corpus; texts that are empty it leaves out."""
    return ParquetReader(str(corpus), glob_pattern="*.parquet")


if __name__ == "__main__":
    main()
