"""GitHub's REST and GraphQL APIs: JSON into structs, page by page, with the tokens' limits kept.

Redirects, as of renamed repositories, and links to next pages are followed within the API only.
"""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Generic, TypeVar
from urllib.parse import urlencode, urljoin

import msgspec

from ..attempts import FetchError
from ..fetcher import Answer, Fetcher
from ..ledger import Ledger
from ..transport import host_of
from ..verdict import Judge, retry_after
from .kept_answers import KeptAnswers
from .replies import (
    Outcome,
    UnavailableError,
    judge_api,
    judge_graphql,
    outcome,
    refusal,
)
from .tokens import Resource, Token, TokenPool

T = TypeVar("T")
MAX_ANSWER_BYTES = 64 << 20
MAX_MOVES = 3
HEADERS = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
}
_NEXT = re.compile(r'<([^<>]*)>\s*;[^<]*rel="next"')


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One decoded answer, and the address of the following page."""

    content: T
    next_url: str | None


class GraphqlError(msgspec.Struct, frozen=True, kw_only=True):
    """One error of a GraphQL answer; `path` leads to what is null because of it."""

    message: str = ""
    type: str = ""
    path: list[str | int] = []


class GraphqlAnswer(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """What a query brought, whole or in part."""

    data: T | None = None
    errors: list[GraphqlError] = []


class QueryFailedError(Exception):
    """A query that brought nothing; a smaller one may."""


class GithubApi:
    """One crawl's way to the API.

    Args:
        root: of the API, without a slash at its end.
        num_attempts: how often a request may meet a secondary limit.
    """

    def __init__(
        self, fetcher: Fetcher, tokens: TokenPool, *, root: str, ledger: Ledger,
        num_attempts: int = 8,
    ) -> None:  # fmt: skip
        self._fetcher = fetcher
        self.tokens = tokens
        self._root = root
        self._kept = KeptAnswers(ledger)
        self._num_attempts = num_attempts

    def url(self, path: str, params: Mapping[str, str] | None = None) -> str:
        """Return what is asked for, below the root: it outlives another root."""
        return path + (f"?{urlencode(params)}" if params else "")

    async def get_json(self, url: str, *, content: type[T], is_last_kept: bool = False) -> Page[T]:
        """Return one answer.

        Args:
            is_last_kept: keep it if no page follows, and ask whether it has changed since.

        Raises:
            UnavailableError: if GitHub will not give it.
            FetchError: if it cannot be had now.
        """
        known = self._kept.get(url) if is_last_kept else None
        headers = {} if known is None else {"If-None-Match": known.etag}
        answer = await self._get(url, headers)
        if answer.status == 304 and known is not None:
            return Page(content=_decode(url, known.body, content), next_url=None)
        if answer.status != 200:
            raise UnavailableError(url, refusal(answer))
        decoded = _decode(url, answer.body, content)
        next_url = self._next(url, answer.headers.get("link", ""))
        if is_last_kept and next_url is None and "etag" in answer.headers:
            self._kept.keep(url, etag=answer.headers["etag"], body=answer.body)
        return Page(content=decoded, next_url=next_url)

    async def pages(self, url: str, *, content: type[T]) -> AsyncIterator[Page[T]]:
        """Yield an answer and all that its links lead to."""
        next_url: str | None = url
        while next_url is not None:
            page = await self.get_json(next_url, content=content)
            yield page
            next_url = page.next_url

    async def graphql(
        self, query: str, variables: Mapping[str, object], *, data: type[T]
    ) -> GraphqlAnswer[T]:
        """Return what a query brings.

        Raises:
            QueryFailedError: if it was too much for GitHub.
            FetchError: if it cannot be had now.
        """
        url = self.url("/graphql")
        body = msgspec.json.encode({"query": query, "variables": variables})
        answer = await self._ask(
            url, "graphql", {"Content-Type": "application/json"}, body=body, judge=judge_graphql
        )
        if answer.status >= 500:
            raise QueryFailedError(f"HTTP {answer.status}")
        if answer.status != 200:
            raise UnavailableError(url, refusal(answer))
        decoded = _decode(url, answer.body, GraphqlAnswer[data])  # type: ignore[valid-type]
        if decoded.data is None:
            raise QueryFailedError("; ".join(error.message for error in decoded.errors)[:200])
        return decoded

    async def _get(self, url: str, headers: Mapping[str, str]) -> Answer:
        resource: Resource = "search" if url.startswith("/search/") else "core"
        for _ in range(MAX_MOVES + 1):
            answer = await self._ask(url, resource, headers)
            if answer.status not in (301, 302, 307, 308):
                return answer
            url = self._within(url, urljoin(self._root + url, answer.headers.get("location", "")))
        raise FetchError(url, "redirect_loop", f"more than {MAX_MOVES} redirects")

    async def _ask(
        self,
        url: str,
        resource: Resource,
        headers: Mapping[str, str],
        *,
        body: bytes | None = None,
        judge: Judge = judge_api,
    ) -> Answer:
        """Ask until the answer is not about the token that asked."""
        num_blocks = 0
        while True:
            async with self.tokens.lend(resource) as token:
                answer = await self._fetcher.get(
                    self._root + url,
                    max_bytes=MAX_ANSWER_BYTES,
                    method="GET" if body is None else "POST",
                    headers={**HEADERS, **headers, **token.headers()},
                    body=body,
                    judge=judge,
                    may_redirect=False,
                )
                token.told(resource, answer.headers)
                found = outcome(answer)
                if resource == "graphql" and b'"RATE_LIMITED"' in answer.body[:4096]:
                    found = "primary_limit"  # said with status 200
                if found == "take" or (found == "bad_token" and token.is_anonymous):
                    token.succeeded()
                    return answer
                wait = self._limited(token, resource, found, answer)
            num_blocks += wait is not None
            if wait is not None and num_blocks >= self._num_attempts:
                raise FetchError(url, "secondary_limit", "again and again", wait_seconds=wait)

    def _limited(
        self, token: Token, resource: Resource, found: Outcome, answer: Answer
    ) -> float | None:
        """Take note of an answer about a token; return the wait after a secondary limit."""
        host = self._fetcher.hosts.get(host_of(self._root))
        host.counts.retries += 1
        if found == "bad_token":
            self.tokens.drop(token)
            return None
        if found == "primary_limit":
            host.counts.refusals += 1
            self.tokens.exhausted(token, resource)
            return None
        host.pushed_back()
        return self.tokens.blocked(token, retry_after(answer.headers))

    def _next(self, url: str, link: str) -> str | None:
        match = _NEXT.search(link)
        return None if match is None else self._within(url, match[1])

    def _within(self, url: str, target: str) -> str:
        below = target.removeprefix(self._root)
        if not below.startswith("/"):
            raise FetchError(url, "refused_host", "it leads out of the API")
        return below


def _decode(url: str, body: bytes, content: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=content)
    except msgspec.DecodeError as error:
        raise FetchError(url, "bad_json", str(error)) from None
