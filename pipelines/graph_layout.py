"""Which token shards a build has: those of each language of each part, by the tokens there are."""

from collections.abc import Iterable, Sequence

import msgspec

from ..corpus.parts import in_part, part_of
from ..corpus.shards import layout
from .artifact import InputFile, Manifest
from .dedup_graph import Done
from .inputs import Shard
from .recipe import RawRecipe
from .stages.ledger import LanguageShards
from .stages.tokens import prefix_digest, split_slice_name
from .store import Store


class ShardLayout:
    """Lays the token shards of a recipe out; a source's documents of a language are in one part."""

    def __init__(self, raw: RawRecipe, shards: Sequence[Shard]) -> None:
        self._raw = raw
        self._shards = shards

    def part(self, shard: Shard, slice_name: str) -> str:
        """Return the part of the mixture that a shard's documents of a slice are in."""
        component, language = split_slice_name(slice_name)
        return self._raw.mixture.part_of(component, shard.source, language)

    def token_shards(self, done: Done) -> list[LanguageShards]:
        """Return the token shards of every language, from the bucket sizes in the manifests."""
        settings = self._raw.shards
        sizes: dict[tuple[str, str], dict[int, int]] = {}
        for shard in self._shards:
            for name, found in done["tokenize", shard.name].slices.items():
                buckets = sizes.setdefault((name, self.part(shard, name)), {})
                for bucket, (_, tokens) in found.buckets.items():
                    buckets[bucket] = buckets.get(bucket, 0) + tokens
        laid_out = []
        for (name, part), buckets in sorted(sizes.items()):
            component, language = split_slice_name(name)
            prefixes = layout(
                buckets, bits=settings.bucket_bits, target_tokens=settings.target_tokens
            )
            laid_out.append(
                LanguageShards(
                    component=component,
                    language=language,
                    prefixes=tuple(
                        prefix.name.removeprefix("part").removeprefix("-") for prefix in prefixes
                    ),
                    names=tuple(in_part(part, prefix.name) for prefix in prefixes),
                )
            )
        return laid_out

    def of_shard(
        self, done: Done, shard: Shard, laid_out: Sequence[LanguageShards]
    ) -> tuple[LanguageShards, ...]:
        """Return the token shards that may hold documents of a shard."""
        slices = done["tokenize", shard.name].slices
        present = {(name, self.part(shard, name)) for name in slices}
        return tuple(
            entry
            for entry in laid_out
            if (f"{entry.component}/{entry.language}", part_of(entry.names[0])) in present
        )


def pack_slices(
    store: Store, manifests: Iterable[Manifest], slice_name: str, prefix: str, bits: int
) -> list[InputFile]:
    """Return what a token shard is made of: a slice's rows below a prefix, by their digests."""
    found = []
    for manifest in manifests:
        part = manifest.slices.get(slice_name)
        digest = prefix_digest(part.buckets, prefix, bits) if part is not None else None
        if digest is not None:
            file = store.input(manifest, slice_name=slice_name)
            found.append(msgspec.structs.replace(file, digest=digest))
    return sorted(found, key=lambda file: file.digest)
