"""The graph of a build: which stage runs on which shard, and what it takes from whom.

read -> paths -> language -> measure -> decide -> items -> exact --.
     `-> sign --------------------------------> bands -> near ----> cluster -> select -> assemble
                                                              -> tokenize -> pack, ledger
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from ..corpus.shards import language_folder, layout
from ..filters.natural import COMMENT_LANGUAGE
from ..filters.natural_engines import NaturalEngine
from ..filters.syntax_scope import parse_scopes
from .artifact import InputFile, Manifest, as_json
from .decontamination import index_files
from .engine import Node, NodeId
from .inputs import Shard, list_shards
from .recipe import Recipe
from .removals import TakeDown
from .stage import Stage
from .stages.compose import Assemble, Select
from .stages.decide import Decide
from .stages.decontaminate import Decontaminate
from .stages.duplicates import Bands, Cluster, Exact, Near
from .stages.features import Imports, Measure, Sign
from .stages.items import CollectItems, partition_name
from .stages.languages import DetectLanguage, JudgePaths
from .stages.ledger import LanguageShards, Ledger
from .stages.read import Read
from .stages.syntax import Syntax
from .stages.tokens import Pack, Tokenize, prefix_digest, split_slice_name
from .store import Store

Done = Mapping[NodeId, Manifest]
ALL = "all"  # the shard of a stage that has only one


class Graph:
    """Makes the nodes of a recipe; the second half needs the first half's results."""

    def __init__(self, recipe: Recipe, store: Store, take_down: TakeDown) -> None:
        self.recipe = recipe
        self.store = store
        self.take_down = take_down
        self.shards = list_shards(recipe, store)
        settings = recipe.raw.decontamination
        self.index = index_files(settings, base=recipe.base, where=recipe.path, digest=store.digest)

    def nodes(self, previous: Mapping[str, str]) -> list[Node]:
        """Return everything up to the tokens.

        Args:
            previous: shard -> key of the tokenize artifact of the published build.
        """
        nodes = []
        for shard in self.shards:
            nodes += self._features(shard)
            nodes += self._verdict(shard, previous.get(shard.name))
        return nodes + self._exchanges()

    def _features(self, shard: Shard) -> list[Node]:
        name, recipe = shard.name, self.recipe
        read = Read(
            source=shard.source,
            component=shard.component,
            kind=shard.kind,
            units=shard.units,
            limits=recipe.raw.read,
            options=shard.options,
            removed=self.take_down.of_shard(shard.name, [unit.name for unit in shard.units]),
        )
        text = ("read",)
        nodes = [
            self._map(read, name),
            self._map(JudgePaths(overrides=recipe.raw.languages.overrides), name, text),
            self._map(
                DetectLanguage(settings=recipe.raw.languages.content), name, ("read", "paths")
            ),
            self._map(Measure(comment_engine=self._comment_engine()), name, ("read", "language")),
            self._map(Sign(scheme=recipe.raw.dedup.minhash), name, text),
        ]
        if self._imports_role(shard):
            nodes.append(self._map(Imports(), name, ("read", "language")))
        if self._syntax_role():
            settings, scopes = recipe.raw.syntax, parse_scopes(recipe.rules)
            syntax = Syntax(settings=settings, scopes=scopes, seed=recipe.raw.seed)
            nodes.append(self._map(syntax, name, ("read", "language")))
        if self._hits_role():
            wanted = recipe.raw.decontamination
            scan = Decontaminate(
                index=self.index,
                near=wanted.near,
                is_wanted=shard.component in wanted.components,
            )
            nodes.append(self._map(scan, name, text))
        return nodes

    def _hits_role(self) -> tuple[str, ...]:
        """Return the decontaminate stage's role where the recipe has an index, else nothing."""
        return ("decontaminate",) if self.index else ()

    def _comment_engine(self) -> NaturalEngine | None:
        """Return what names the language of comments, if a rule asks for it."""
        is_asked = any(rule.signal == COMMENT_LANGUAGE for rule in self.recipe.rules)
        return self.recipe.raw.languages.natural if is_asked else None

    def _syntax_role(self) -> tuple[str, ...]:
        """Return the syntax stage's role where a rule or a sample asks for it, else nothing."""
        is_asked = self.recipe.raw.syntax.sample > 0 or parse_scopes(self.recipe.rules)
        return ("syntax",) if is_asked else ()

    def _imports_role(self, shard: Shard) -> tuple[str, ...]:
        """Return the imports stage's role where files are ordered by it, else nothing."""
        is_ordered = self.recipe.raw.order.method == "dependency" and shard.kind == "repository"
        return ("imports",) if is_ordered else ()

    def _verdict(self, shard: Shard, previous: str | None) -> list[Node]:
        name, dedup = shard.name, self.recipe.raw.dedup
        decide = Decide(rules=self.recipe.rules, removals=self.take_down.removals)
        items = CollectItems(
            repository_languages=dedup.repository_languages, partitions=dedup.partitions
        )
        bands = Bands(scheme=dedup.minhash, partitions=dedup.partitions)
        tokenize = Tokenize(
            fim=self.recipe.raw.fim.for_component(shard.component),
            seed=self.recipe.raw.seed,
            bucket_bits=self.recipe.raw.shards.bucket_bits,
        )
        assemble = Assemble(order=self.recipe.raw.order, seed=self.recipe.raw.seed)
        sources = ("read", "language", "select", *self._imports_role(shard))
        verdicts = (*self._syntax_role(), *self._hits_role())
        return [
            self._map(decide, name, ("read", "language", "measure", *verdicts)),
            self._map(items, name, ("read", "language", "measure", "decide")),
            self._map(bands, name, ("items", "sign")),
            Node(
                stage=Select(),
                shard=name,
                needs=(("decide", name), ("items", name), ("cluster", ALL)),
                inputs=lambda done: {
                    "decide": [self._whole(done, "decide", name)],
                    "items": [self._whole(done, "items", name)],
                    "fates": self._slices(done, [("cluster", ALL)], name),
                },
            ),
            self._map(assemble, name, sources),
            self._map(
                tokenize,
                name,
                ("read", "assemble"),
                hints=self._previous(tokenize, name, previous),
            ),
        ]

    def _exchanges(self) -> list[Node]:
        dedup = self.recipe.raw.dedup
        names = [shard.name for shard in self.shards]
        partitions = [partition_name(i) for i in range(dedup.partitions)]
        nodes = [self._exchange(Exact(), part, "items", names) for part in partitions]
        near = Near(scheme=dedup.minhash)
        for part in partitions:
            nodes.append(self._exchange(near, part, "bands", names, hints=self._near_hints(names)))
        needs = tuple((stage, part) for stage in ("exact", "near") for part in partitions)
        cluster = Node(
            stage=Cluster(),
            shard=ALL,
            needs=needs,
            inputs=lambda done: {
                stage: [self._whole(done, stage, part) for part in partitions]
                for stage in ("exact", "near")
            },
        )
        return [*nodes, cluster]

    def _near_hints(self, names: list[str]) -> Callable[[Done], Mapping[str, list[InputFile]]]:
        """Where the texts of candidates lie; the band slices already name their contents."""
        return lambda done: {
            "texts": [self._whole(done, "read", name) for name in names],
            "members": [self._whole(done, "items", name) for name in names],
        }

    def _exchange(
        self,
        stage: Stage,
        part: str,
        producer: str,
        names: list[str],
        hints: Callable[[Done], Mapping[str, list[InputFile]]] | None = None,
    ) -> Node:
        needs = tuple((producer, name) for name in names)
        return Node(
            stage=stage,
            shard=part,
            needs=needs,
            inputs=lambda done: {"slices": self._slices(done, needs, part)},
            hints=hints,
        )

    def _map(
        self,
        stage: Stage,
        shard: str,
        roles: Sequence[str] = (),
        hints: Callable[[Done], Mapping[str, list[InputFile]]] | None = None,
    ) -> Node:
        return Node(
            stage=stage,
            shard=shard,
            needs=tuple((role, shard) for role in roles),
            inputs=lambda done: {role: [self._whole(done, role, shard)] for role in roles},
            hints=hints,
        )

    def _previous(
        self, tokenize: Tokenize, shard: str, key: str | None
    ) -> Callable[[Done], Mapping[str, list[InputFile]]]:
        def find(done: Done) -> Mapping[str, list[InputFile]]:
            manifest = self.store.load("tokenize", shard, key) if key is not None else None
            same = manifest is not None and (
                manifest.settings == as_json(tokenize.key_settings())
                and manifest.version == tokenize.version
                and manifest.assets == tokenize.assets()
            )
            return {"previous": [self.store.input(manifest)]} if manifest and same else {}

        return find

    def _whole(self, done: Done, stage: str, shard: str) -> InputFile:
        return self.store.input(done[stage, shard])

    def _slices(self, done: Done, nodes: Sequence[NodeId], name: str) -> list[InputFile]:
        return [
            self.store.input(done[node], slice_name=name)
            for node in nodes
            if name in done[node].slices
        ]

    def layout(self, done: Done) -> list[LanguageShards]:
        """Return the token shards of every language, from the bucket sizes in the manifests."""
        settings = self.recipe.raw.shards
        sizes: dict[str, dict[int, int]] = {}
        for shard in self.shards:
            for name, part in done["tokenize", shard.name].slices.items():
                buckets = sizes.setdefault(name, {})
                for bucket, (_, tokens) in part.buckets.items():
                    buckets[bucket] = buckets.get(bucket, 0) + tokens
        found = []
        for name, buckets in sorted(sizes.items()):
            component, language = split_slice_name(name)
            prefixes = layout(
                buckets, bits=settings.bucket_bits, target_tokens=settings.target_tokens
            )
            found.append(
                LanguageShards(
                    component=component,
                    language=language,
                    prefixes=tuple(
                        prefix.name.removeprefix("part").removeprefix("-") for prefix in prefixes
                    ),
                    names=tuple(prefix.name for prefix in prefixes),
                )
            )
        return found

    def outputs(self, done: Done, shards: Sequence[LanguageShards]) -> list[Node]:
        """Return the nodes that write the token shards and the ledger."""
        packs = [
            self._pack(entry, prefix, name, done)
            for entry in shards
            for prefix, name in zip(entry.prefixes, entry.names, strict=True)
        ]
        return [*packs, *(self._ledger(shard, shards, done) for shard in self.shards)]

    def _pack(self, entry: LanguageShards, prefix: str, name: str, done: Done) -> Node:
        settings = self.recipe.raw.shards
        slice_name = f"{entry.component}/{entry.language}"
        slices = []
        for shard in self.shards:
            manifest = done["tokenize", shard.name]
            part = manifest.slices.get(slice_name)
            if part is None:
                continue
            digest = prefix_digest(part.buckets, prefix, settings.bucket_bits)
            if digest is not None:
                file = self.store.input(manifest, slice_name=slice_name)
                slices.append(msgspec.structs.replace(file, digest=digest))
        slices.sort(key=lambda file: file.digest)
        stage = Pack(
            component=entry.component,
            language=entry.language,
            prefix=prefix,
            bucket_bits=settings.bucket_bits,
            block_tokens=settings.block_tokens,
            fim=self.recipe.raw.fim.for_component(entry.component),
        )
        return Node(
            stage=stage,
            shard=f"{entry.component}.{language_folder(entry.language)}.{name}",
            needs=(),
            inputs=lambda done: {"slices": slices},
        )

    def _ledger(self, shard: Shard, shards: Sequence[LanguageShards], done: Done) -> Node:
        present = done["tokenize", shard.name].slices
        stage = Ledger(
            layout=tuple(
                entry for entry in shards if f"{entry.component}/{entry.language}" in present
            ),
            bucket_bits=self.recipe.raw.shards.bucket_bits,
        )
        roles = ("read", "language", "measure", "sign", "decide", "select", "tokenize")
        asked = (*self._imports_role(shard), *self._syntax_role(), *self._hits_role())
        return self._map(stage, shard.name, (*roles, *asked))
