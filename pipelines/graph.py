"""The graph of a build: which stage runs on which shard, and what it takes from whom.

read -> paths -> language -> measure -> decide -> items -> exact --> bands -> (dedup_graph) --.
     `-> sign ------------------------------------------------------^                         |
                                     pack, ledger <- tokenize <- assemble <- select <- fates -'

Pages of one URL are made one before items are (graph_pages.py), and texts are cut after
select (graph_cuts.py). A source with `recall` is told before `read` which pages were collected
(recall_pages.py).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from ..corpus.parts import part_of
from ..corpus.shards import language_folder
from ..filters.datatrove.settings import steps_for
from .artifact import InputFile, as_json
from .dedup_graph import DedupGraph, Done, Previous, Texts, slices
from .engine import Node
from .graph_asked import AskedStages
from .graph_cuts import CutGraph
from .graph_held_out import HeldOutGraph
from .graph_layout import ShardLayout, pack_slices
from .graph_pages import PageGraph
from .inputs import Shard, list_shards, shard_removals
from .recall_pages import recalled_node, with_collected_files
from .recipe import Recipe
from .removals import TakeDown
from .row_settings import row_settings_digest
from .stage import Stage
from .stages.compose import Assemble, Select
from .stages.decide import Decide
from .stages.features import Imports, Measure, Sign
from .stages.items import CollectItems
from .stages.languages import DetectLanguage, JudgePaths
from .stages.ledger import LanguageShards, Ledger
from .stages.read import Read
from .stages.redaction import Redact, Sensitive
from .stages.tokens import Pack, Tokenize
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
        self._layout = ShardLayout(recipe.raw, self.shards)
        texts = Texts(lambda done, name: self._whole(done, "read", name), "text", ("read",))
        names = [shard.name for shard in self.shards]
        self._dedup = DedupGraph(recipe.raw.dedup, store, names, previous, texts)
        web = [shard.name for shard in self.shards if shard.kind == "warc"]
        kinds = {shard.name: shard.kind for shard in self.shards}
        self._pages = PageGraph(recipe.raw.dedup, store, web)
        self._cuts = CutGraph(recipe.raw.dedup, store, kinds)
        self._asked = AskedStages(recipe, store)
        self._held_out = HeldOutGraph(recipe, store, self.shards)

    def phases(self, done: Done) -> Iterator[list[Node]]:
        """Yield everything up to the tokens; each phase is run before the next is asked for."""
        nodes = []
        for shard in self.shards:
            nodes += [*self._features(shard), *self._items(shard)]
        yield [*nodes, *self._pages.choices(), *self._dedup.candidates()]
        yield from self._dedup.phases(done)
        samples = [node for shard in self.shards for node in self._samples(shard)]
        held_out = self._held_out.nodes(self._cuts.role)
        yield [*self._pages.fates(self._dedup), *samples, *self._cuts.nodes(), *held_out]

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
            rewrite=steps_for(recipe.raw.datatrove, shard.component, "rewrite"),
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
            self._map(
                Measure(comment_engine=self._asked.comment_engine()), name, ("read", "language")
            ),
            self._map(sign, name, text, hints=self._copied_from(sign, name)),
        ]
        if self._imports_role(shard):
            nodes.append(self._map(Imports(), name, ("read", "language")))
        for stage, roles in self._asked.stages(shard):
            nodes.append(self._map(stage, name, roles))
        if self._redact_role:
            nodes.append(self._map(Sensitive(), name, text))
        return nodes

    @property
    def _redact_role(self) -> tuple[str, ...]:
        """The stage that says what is redacted, where the recipe redacts anything."""
        return ("redact",) if self.recipe.raw.redaction.is_asked else ()

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
        judged = self._map(decide, name, ("read", "language", "measure", *self._asked.names(shard)))
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
        changed = (*self._cuts.role, *self._redact_role)
        sources = ("read", "language", "select", *self._imports_role(shard), *changed)
        assembled = self._map(assemble, name, (*sources, *self._held_out.role))
        hints = self._copied_from(tokenize, name)
        tokenized = self._map(tokenize, name, ("read", "assemble", *changed), hints)
        redact = Redact(settings=self.recipe.raw.redaction)
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
            *(
                self._map(redact, name, ("read", "sensitive", "select", *self._cuts.role))
                for _ in self._redact_role
            ),
            assembled,
            tokenized,
            *self._held_out.samples(assembled, tokenized, self._copied_from),
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
        return self._layout.token_shards(done)

    def outputs(self, done: Done, shards: Sequence[LanguageShards]) -> list[Node]:
        """Return the nodes that write the token shards and the ledger."""
        packs = [
            self._pack(entry, prefix, name, done)
            for entry in shards
            for prefix, name in zip(entry.prefixes, entry.names, strict=True)
        ]
        ledgers = [self._ledger(shard, shards, done) for shard in self.shards]
        return [*packs, *self._held_out.packs(done), *ledgers]

    def _pack(self, entry: LanguageShards, prefix: str, name: str, done: Done) -> Node:
        raw = self.recipe.raw
        settings, fim = raw.shards, raw.fim.for_component(entry.component)
        slice_name = f"{entry.component}/{entry.language}"
        made = [
            done["tokenize", shard.name]
            for shard in self.shards
            if self._layout.part(shard, slice_name) == part_of(name)
        ]
        slices = pack_slices(self.store, made, slice_name, prefix, settings.bucket_bits)
        stage = Pack(
            component=entry.component,
            language=entry.language,
            prefix=prefix,
            bucket_bits=settings.bucket_bits,
            block_tokens=settings.block_tokens,
            fim=fim,
            tokenizer=self.recipe.tokenizer.info,
            recipe=row_settings_digest(seed=raw.seed, order=raw.order, fim=fim),
        )
        return Node(
            stage=stage,
            shard=f"{entry.component}.{language_folder(entry.language)}.{name}",
            needs=(),
            inputs=lambda done: {"slices": slices},
        )

    def _ledger(self, shard: Shard, shards: Sequence[LanguageShards], done: Done) -> Node:
        stage = Ledger(
            layout=self._layout.of_shard(done, shard, shards),
            bucket_bits=self.recipe.raw.shards.bucket_bits,
        )
        roles = ("read", "language", "measure", "sign", "decide", "select", "tokenize")
        asked = (
            *(*self._imports_role(shard), *self._asked.names(shard)),
            *(*self._cuts.role, *self._redact_role, *self._held_out.role),
        )
        return self._map(stage, shard.name, (*roles, *asked))
