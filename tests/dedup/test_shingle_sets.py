"""Sets of shingles of pairs: the room that is made for them is an estimate, the result is not."""

from collections.abc import Iterator
from random import Random

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from gristmill.corpus.record import ID
from gristmill.dedup.shingle_sets import ShingleSets, TextRun
from gristmill.dedup.shingles import shingle_hashes
from gristmill.dedup.verify import jaccard


@pytest.mark.parametrize("letters", [1, 40])
def test_similarities_hold_for_more_and_for_fewer_shingles_than_expected(letters: int) -> None:
    random = Random(letters)
    words = [letter * letters for letter in "abcdefghij"]
    texts = [" ".join(random.choices(words, k=3000)) for _ in range(4)]
    ids = pa.array([bytes([i]) * 16 for i in range(4)], ID)
    members = pa.table({"item_id": ids, "num_bytes": [len(text) for text in texts], "text": texts})

    def some(wanted: pa.Array) -> Iterator[pa.Table]:
        yield members.filter(pc.is_in(members["item_id"], value_set=wanted))

    sets = ShingleSets([TextRun(lambda: members, some)], ngram=5)
    pairs = pa.table({"left": ids.take([0, 0, 2]), "right": ids.take([1, 3, 3])})
    hashes = [shingle_hashes(text) for text in texts]
    expected = [jaccard(hashes[i], hashes[j]) for i, j in [(0, 1), (0, 3), (2, 3)]]
    assert sets.similarities(pairs).tolist() == expected
