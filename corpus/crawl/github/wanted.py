"""A repository's facts in the forms that the store and the ledger keep."""

import msgspec

from . import index
from .facts import RepositoryFacts
from .watched import Watched


def to_store(facts: RepositoryFacts) -> index.RepositoryFacts:
    """Return what the store keeps beside a repository's files."""
    assert facts.commit is not None
    return index.RepositoryFacts(
        id=facts.id,
        full_name=facts.full_name,
        commit=facts.commit,
        created=facts.created,
        stars=facts.stars,
        licence=facts.licence,
    )


def with_content(facts: RepositoryFacts, watched: Watched, way: str) -> dict[str, object]:
    """Return the facts of a repository that is stored: how it came, and what git lacks of it."""
    content = {"way": way, **msgspec.structs.asdict(watched)}
    return {**msgspec.structs.asdict(facts), "content": content}
