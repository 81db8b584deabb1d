"""GitHub on loopback, over real git repositories: REST, GraphQL, archives, git and GH Archive."""

from .event_words import StandinEvent
from .limits import Limits
from .make import make_repositories
from .service import GithubEndpoints, GithubStandin
from .state import StandinComment, StandinIssue, StandinRepository

__all__ = [
    "GithubEndpoints",
    "GithubStandin",
    "Limits",
    "StandinComment",
    "StandinEvent",
    "StandinIssue",
    "StandinRepository",
    "make_repositories",
]
