"""The part of a build's graph that holds documents out, between the last cut and the tokens.

(select, trim) -> held_out_units -> held_out_choice -> held_out_copies -> held_out_fates -.
    held_out_pack <- held_out_tokens <- held_out_samples <- hold_out (-> assemble) <-----'
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from ..corpus.fim import FimSettings
from ..corpus.shards import language_folder, layout
from .artifact import InputFile, Manifest
from .dedup_graph import Done, sliced_node
from .engine import Node, NodeId
from .graph_layout import pack_slices
from .inputs import Shard
from .recipe import Recipe
from .row_settings import row_settings_digest
from .stage import Stage
from .stages.exchange import shard_slice
from .stages.held_out import HeldOutChoice, HeldOutCopies, HeldOutFates, HeldOutUnits, HoldOut
from .stages.held_out_tokens import HeldOutPack, HeldOutSamples, HeldOutTokens
from .stages.tokens import split_slice_name
from .store import Store

CHOICE = "all"  # one task chooses for the whole corpus
NO_FIM = FimSettings(rate=0, epochs=1, apply_to=())

Hint = Callable[[Done], Mapping[str, list[InputFile]]]


class HeldOutGraph:
    """The nodes of held-out documents; there are none where the recipe holds nothing out."""

    def __init__(self, recipe: Recipe, store: Store, shards: Sequence[Shard]) -> None:
        self._raw = recipe.raw
        self._tokenizer = recipe.tokenizer
        self._store = store
        self._shards = [shard.name for shard in shards] if recipe.raw.held_out.is_asked else []

    @property
    def role(self) -> tuple[str, ...]:
        """The stage that says what is held out, where there is one."""
        return ("hold_out",) if self._shards else ()

    def nodes(self, cuts: Sequence[str]) -> list[Node]:
        """Return the nodes that say what is held out; `cuts` are the stages that cut texts."""
        if not self._shards:
            return []
        settings = self._raw.held_out
        units = HeldOutUnits(fraction=settings.fraction, seed=self._raw.seed)
        choice = HeldOutChoice(max_bytes_per_language=settings.max_bytes_per_language)
        copies = HeldOutCopies(scheme=self._raw.dedup.minhash)
        kept = ("read", "select", "sign", *cuts)
        chosen: dict[str, tuple[Sequence[NodeId], str]]
        chosen = {"chosen": ([(choice.name, CHOICE)], "")}
        listed = [(units.name, shard) for shard in self._shards]
        found = [(copies.name, shard) for shard in self._shards]
        nodes = [
            sliced_node(self._store, choice, CHOICE, {"units": (listed, "")}),
            sliced_node(self._store, HeldOutFates(), CHOICE, {**chosen, "copies": (found, "")}),
        ]
        for shard in self._shards:
            wanted = _whole((*kept, "language", "measure"), shard)
            nodes.append(sliced_node(self._store, units, shard, wanted))
            wanted = {**_whole(kept, shard), **chosen}
            nodes.append(sliced_node(self._store, copies, shard, wanted))
            fate = ([(HeldOutFates.name, CHOICE)], shard_slice(shard))
            wanted = {**_whole(("read",), shard), "fates": fate}
            nodes.append(sliced_node(self._store, HoldOut(), shard, wanted))
        return nodes

    def samples(
        self, assemble: Node, tokenize: Node, hint: Callable[[Stage, str], Hint]
    ) -> list[Node]:
        """Return the nodes that make tokens of a shard's held-out documents.

        They read what the nodes of its training documents read; `hint` names what may be copied.
        """
        if not self._shards:
            return []
        raw = self._raw
        listed = HeldOutSamples(order=raw.order, seed=raw.seed)
        made = HeldOutTokens(
            fim=NO_FIM,
            seed=raw.seed,
            bucket_bits=raw.shards.bucket_bits,
            tokenizer=self._tokenizer,
        )
        shard = assemble.shard
        own = (HeldOutSamples.name, shard)
        return [
            msgspec.structs.replace(assemble, stage=listed),
            msgspec.structs.replace(
                tokenize,
                stage=made,
                needs=(*(need for need in tokenize.needs if need[0] != "assemble"), own),
                inputs=lambda done: {
                    **{
                        role: [self._store.input(done[role, shard])]
                        for role, _ in tokenize.needs
                        if role != "assemble"
                    },
                    "assemble": [self._store.input(done[own])],
                },
                hints=hint(made, shard),
            ),
        ]

    def packs(self, done: Done) -> list[Node]:
        """Return the nodes that write the shards, which are cut as those of training are."""
        settings = self._raw.shards
        made = [done[HeldOutTokens.name, shard] for shard in self._shards]
        sizes: dict[str, dict[int, int]] = {}
        for manifest in made:
            for name, found in manifest.slices.items():
                buckets = sizes.setdefault(name, {})
                for bucket, (_, tokens) in found.buckets.items():
                    buckets[bucket] = buckets.get(bucket, 0) + tokens
        return [
            self._pack(name, prefix.name, made)
            for name, buckets in sorted(sizes.items())
            for prefix in layout(
                buckets, bits=settings.bucket_bits, target_tokens=settings.target_tokens
            )
        ]

    def _pack(self, name: str, part: str, made: Sequence[Manifest]) -> Node:
        raw = self._raw
        component, language = split_slice_name(name)
        prefix = part.removeprefix("part").removeprefix("-")
        files = pack_slices(self._store, made, name, prefix, raw.shards.bucket_bits)
        stage = HeldOutPack(
            component=component,
            language=language,
            prefix=prefix,
            bucket_bits=raw.shards.bucket_bits,
            block_tokens=raw.shards.block_tokens,
            fim=NO_FIM,
            tokenizer=self._tokenizer.info,
            recipe=row_settings_digest(seed=raw.seed, order=raw.order, fim=NO_FIM),
        )
        shard = f"{component}.{language_folder(language)}.{part}"
        return Node(stage=stage, shard=shard, needs=(), inputs=lambda done: {"slices": files})


def _whole(roles: Sequence[str], shard: str) -> dict[str, tuple[Sequence[NodeId], str]]:
    return {role: ([(role, shard)], "") for role in roles}
