"""The pages that people are asked to label, from strata of score, language and size of host."""

from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...filters.recall.histograms import score_bins
from ...filters.recall.sampling import Keys, sample_keys
from ..output import Output
from ..stage import Inputs, Stage
from .exchange import shard_slice
from .recall_draw import below, write_counts
from .recall_pages import logits_of, pool_columns, sum_rows, unlabelled

SIZES: Final = pa.schema([("host", pa.string()), ("size", pa.int32())])
SAMPLED: Final = pa.schema([("group", pa.string()), ("sample", pa.uint64()), ("url", pa.string())])


class HostSizes(Stage, frozen=True, kw_only=True):
    """Tells the shards which hosts of a partition are larger than the smallest ones."""

    name: ClassVar[str] = "recall_sizes"
    version: ClassVar[int] = 1
    names_shards: ClassVar[bool] = True

    host_sizes: tuple[int, ...]

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write SIZES, one slice a shard."""
        output.write(SIZES.empty_table())
        files = inputs.all("hosts")
        counts = sum_rows((file.read(["host", "num_unlabelled"]) for file in files), ["host"])
        if counts is None:
            return
        sizes = np.digitize(counts["num_unlabelled"].to_numpy(), self.host_sizes)
        large = pa.array(sizes > 0)
        names = counts["host"].filter(large).combine_chunks()
        of_names = pa.array(sizes[sizes > 0].astype(np.int32))
        for file in files:
            hosts = pc.unique(file.read(["host"])["host"])
            places = pc.index_in(hosts, value_set=names)
            found = pc.is_valid(places)
            if found.true_count:
                own = pa.table([hosts.filter(found), of_names.take(places.filter(found))], SIZES)
                output.append(own, slice_name=shard_slice(file.shard))


class Strata(Stage, frozen=True, kw_only=True):
    """What the stages of the sample know: the stratum and the hash of each page."""

    edges: tuple[int, ...]  # the bin of scores in which each stratum but the first begins

    def strata(self, inputs: Inputs) -> tuple[pa.ChunkedArray, Keys, pa.ChunkedArray]:
        """Return language, stratum of score and of size as one name; hashes; URLs."""
        rows = np.flatnonzero(unlabelled(inputs))
        pages = pool_columns(inputs, "doc_id", "url", "host", "language").take(rows)
        bins = score_bins(logits_of(inputs)[rows]).astype(np.int64)
        by_score = np.searchsorted(np.asarray(self.edges, dtype=np.int64), bins, side="right")
        sizes = pa.concat_tables(
            [SIZES.empty_table(), *(file.read() for file in inputs.all("sizes"))]
        ).combine_chunks()
        places = pc.index_in(pages["host"], value_set=sizes["host"].combine_chunks())
        by_size = pc.fill_null(sizes["size"].take(places), 0)
        parts = (pages["language"], pa.chunked_array([by_score]), by_size)
        texts = [part.cast(pa.string()) for part in parts]
        groups = pc.binary_join_element_wise(*texts, "\t")
        keys = sample_keys(pages["doc_id"], seed=0, purpose="audit")
        return groups, keys, pages["url"]


class CountStrata(Strata, frozen=True, kw_only=True):
    """Counts the pages of each stratum."""

    name: ClassVar[str] = "recall_strata"
    version: ClassVar[int] = 1

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write DRAWABLE, and the same as counts."""
        groups, _, _ = self.strata(inputs)
        write_counts([groups], output)


class SampledPages(Strata, frozen=True, kw_only=True):
    """Lists the pages of each stratum whose hash is below its bound."""

    name: ClassVar[str] = "recall_sampled"
    version: ClassVar[int] = 1

    bounds: dict[str, int]

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write SAMPLED."""
        groups, keys, urls = self.strata(inputs)
        rows = np.flatnonzero(below(groups, keys, self.bounds))
        output.write(pa.table([groups.take(rows), keys[rows], urls.take(rows)], SAMPLED))
