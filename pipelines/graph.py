"""The graph of a build: which stage runs on which shard, and what it takes from whom.

read -> paths -> language -> measure -> decide -> items -> exact --> bands -> (dedup_graph) --.
     `-> sign ------------------------------------------------------^                         |
                                     pack, ledger <- tokenize <- assemble <- select <- fates -'

Pages of one URL are made one before items are (graph_pages.py), and texts are cut after
select (graph_cuts.py). A source with `recall` is told before `read` which pages were collected
(recall_pages.py).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from ..corpus.shards import language_folder, layout
from ..filters.natural import COMMENT_LANGUAGE
from ..filters.natural_engines import NaturalEngine
from ..filters.page_signals import names_page_signal
from ..filters.syntax_scope import parse_scopes
from .artifact import InputFile, as_json
from .decontamination import index_files
from .dedup_graph import DedupGraph, Done, Previous, Texts, slices
from .engine import Node
from .graph_cuts import CutGraph
from .graph_pages import PageGraph
from .inputs import Shard, list_shards, shard_removals
from .recall_pages import recalled_node, with_collected_files
from .recipe import Recipe
from .removals import TakeDown
from .stage import Stage
from .stages.compose import Assemble, Select
from .stages.decide import Decide
from .stages.decontaminate import Decontaminate
from .stages.features import Imports, Measure, Sign
from .stages.items import CollectItems
from .stages.languages import DetectLanguage, JudgePaths
from .stages.ledger import LanguageShards, Ledger
from .stages.page_signals import PageSignals
from .stages.read import Read
from .stages.syntax import Syntax
from .stages.tokens import Pack, Tokenize, prefix_digest, split_slice_name
from .store import Store


class Graph:
    """Makes the nodes of a recipe; later phases need the results of earlier ones.

    `previous` names the artifacts of the published build, from which what still holds is copied.
    """

    def __init__(
        self, recipe: Recipe, store: Store, take_down: TakeDown, previous: Previous
    ) -> None:
        self.recipe = recipe
        self.store = store
        self.take_down = take_down
        self.shards = list_shards(recipe, store)
        self._previous = previous
        texts = Texts(lambda done, name: self._whole(done, "read", name), "text", ("read",))
        names = [shard.name for shard in self.shards]
        self._dedup = DedupGraph(recipe.raw.dedup, store, names, previous, texts)
        web = [shard.name for shard in self.shards if shard.kind == "warc"]
        kinds = {shard.name: shard.kind for shard in self.shards}
        self._pages = PageGraph(recipe.raw.dedup, store, web)
        self._cuts = CutGraph(recipe.raw.dedup, store, kinds)
        settings = recipe.raw.decontamination
        self.index = index_files(settings, base=recipe.base, where=recipe.path, digest=store.digest)

    def phases(self, done: Done) -> Iterator[list[Node]]:
        """Yield everything up to the tokens; each phase is run before the next is asked for."""
        nodes = []
        for shard in self.shards:
            nodes += [*self._features(shard), *self._items(shard)]
        yield [*nodes, *self._pages.choices(), *self._dedup.candidates()]
        yield from self._dedup.phases(done)
        samples = [node for shard in self.shards for node in self._samples(shard)]
        yield [*self._pages.fates(self._dedup), *samples, *self._cuts.nodes()]

    def _features(self, shard: Shard) -> list[Node]:
        name, recipe = shard.name, self.recipe
        read = Read(
            source=shard.source,
            component=shard.component,
            kind=shard.kind,
            units=shard.units,
            limits=recipe.raw.read,
            options=shard.options,
            removed=shard_removals(shard, self.take_down),
        )
        recalled = recalled_node(shard, self.store)
        text = ("read",)
        sign = Sign(scheme=recipe.raw.dedup.minhash)
        nodes = [
            *recalled,
            self._map(read, name, [node.stage.name for node in recalled]),
            self._map(JudgePaths(overrides=recipe.raw.languages.overrides), name, text),
            self._map(
                DetectLanguage(settings=recipe.raw.languages.content), name, ("read", "paths")
            ),
            self._map(Measure(comment_engine=self._comment_engine()), name, ("read", "language")),
            self._map(sign, name, text, hints=self._copied_from(sign, name)),
        ]
        if self._imports_role(shard):
            nodes.append(self._map(Imports(), name, ("read", "language")))
        if "syntax" in self._asked():
            settings, scopes = recipe.raw.syntax, parse_scopes(recipe.rules)
            syntax = Syntax(settings=settings, scopes=scopes, seed=recipe.raw.seed)
            nodes.append(self._map(syntax, name, ("read", "language")))
        if "page_signals" in self._asked():
            nodes.append(self._map(PageSignals(), name, text))
        if "decontaminate" in self._asked():
            wanted = recipe.raw.decontamination
            scan = Decontaminate(
                index=self.index,
                near=wanted.near,
                is_wanted=shard.component in wanted.components,
            )
            nodes.append(self._map(scan, name, text))
        return nodes

    def _asked(self) -> tuple[str, ...]:
        """Return the stages that are there only where the recipe asks for what they find."""
        rules = self.recipe.rules
        is_asked = {
            "syntax": self.recipe.raw.syntax.sample > 0 or bool(parse_scopes(rules)),
            "page_signals": names_page_signal(rules),
            "decontaminate": bool(self.index),
        }
        return tuple(name for name, asked in is_asked.items() if asked)

    def _comment_engine(self) -> NaturalEngine | None:
        """Return what names the language of comments, if a rule asks for it."""
        is_asked = any(rule.signal == COMMENT_LANGUAGE for rule in self.recipe.rules)
        return self.recipe.raw.languages.natural if is_asked else None

    def _imports_role(self, shard: Shard) -> tuple[str, ...]:
        """Return the imports stage's role where files are ordered by it, else nothing."""
        is_ordered = self.recipe.raw.order.method == "dependency" and shard.kind == "repository"
        return ("imports",) if is_ordered else ()

    def _items(self, shard: Shard) -> list[Node]:
        name, dedup = shard.name, self.recipe.raw.dedup
        decide = Decide(rules=self.recipe.rules, removals=self.take_down.removals)
        items = CollectItems(
            repository_languages=dedup.repository_languages, partitions=dedup.partitions
        )
        judged = self._map(decide, name, ("read", "language", "measure", *self._asked()))
        return [
            with_collected_files(judged, shard, self.store),
            self._pages.without_dropped(
                self._map(items, name, ("read", "language", "measure", "decide"))
            ),
        ]

    def _samples(self, shard: Shard) -> list[Node]:
        name = shard.name
        fates, fate_slice = self._dedup.fate_inputs(name)
        tokenize = Tokenize(
            fim=self.recipe.raw.fim.for_component(shard.component),
            seed=self.recipe.raw.seed,
            bucket_bits=self.recipe.raw.shards.bucket_bits,
            tokenizer=self.recipe.tokenizer,
        )
        assemble = Assemble(order=self.recipe.raw.order, seed=self.recipe.raw.seed)
        sources = ("read", "language", "select", *self._imports_role(shard), *self._cuts.role)
        pages = self._pages.keepers(name)
        return [
            Node(
                stage=Select(),
                shard=name,
                needs=(("decide", name), ("items", name), *fates, *pages),
                inputs=lambda done: {
                    "decide": [self._whole(done, "decide", name)],
                    "items": [self._whole(done, "items", name)],
                    "fates": [
                        *slices(self.store, done, fates, fate_slice),
                        *slices(self.store, done, pages, fate_slice),
                    ],
                },
            ),
            self._map(assemble, name, sources),
            self._map(
                tokenize,
                name,
                ("read", "assemble", *self._cuts.role),
                hints=self._copied_from(tokenize, name),
            ),
        ]

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

    def _copied_from(
        self, stage: Stage, shard: str
    ) -> Callable[[Done], Mapping[str, list[InputFile]]]:
        """Return the hint that names the published build's artifact, if it was made alike."""

        def find(done: Done) -> Mapping[str, list[InputFile]]:
            key = self._previous.get(stage.name, {}).get(shard)
            manifest = self.store.load(stage.name, shard, key) if key is not None else None
            same = manifest is not None and (
                manifest.settings == as_json(stage.key_settings())
                and manifest.version == stage.version
                and manifest.assets == stage.assets()
            )
            return {"previous": [self.store.input(manifest)]} if manifest and same else {}

        return find

    def _whole(self, done: Done, stage: str, shard: str) -> InputFile:
        return self.store.input(done[stage, shard])

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
            tokenizer=self.recipe.tokenizer.info,
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
        asked = (*self._imports_role(shard), *self._asked(), *self._cuts.role)
        return self._map(stage, shard.name, (*roles, *asked))
