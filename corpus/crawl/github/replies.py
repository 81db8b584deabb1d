"""What GitHub's answers mean: a token's limit, a refusal with its reason, or content."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from ..fetcher import Answer
from ..verdict import Verdict, judge, retry_after

Outcome = Literal["take", "bad_token", "primary_limit", "secondary_limit"]
Refusal = Literal[
    "not_found", "gone", "dmca", "blocked", "forbidden", "empty", "unprocessable", "unauthorised"
]
_SECONDARY = ("secondary rate limit", "abuse detection", "abuse-rate-limits")


class UnavailableError(Exception):
    """Something that GitHub will not give, whoever asks; `reason` is a word to count by."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url}: {reason}")
        self.url = url
        self.reason = reason


class Block(msgspec.Struct, frozen=True):
    """Why a repository was taken down."""

    reason: str | None = None


class Message(msgspec.Struct, frozen=True):
    """The body of an error."""

    message: str = ""
    documentation_url: str | None = None
    block: Block | None = None


def judge_api(status: int, headers: Mapping[str, str], body: bytes) -> Verdict:
    """Judge an API's answer: 403 and 429 are about a token, unless a firewall sends a page."""
    if status == 403 and "html" in headers.get("content-type", ""):
        return Verdict("pause", retry_after(headers))
    if status in (403, 429):
        return Verdict("take")
    return judge(status, headers, body)


def judge_graphql(status: int, headers: Mapping[str, str], body: bytes) -> Verdict:
    """Judge a GraphQL answer: a query that was too much is not asked again as it is."""
    if status in (500, 502, 504):
        return Verdict("take")
    return judge_api(status, headers, body)


def outcome(answer: Answer) -> Outcome:
    """Tell whether an answer is about the token that asked."""
    if answer.status == 401:
        return "bad_token"
    if answer.status not in (403, 429):
        return "take"
    message = read_message(answer.body)
    text = f"{message.message} {message.documentation_url or ''}".lower()
    if "retry-after" in answer.headers or any(words in text for words in _SECONDARY):
        return "secondary_limit"
    if answer.headers.get("x-ratelimit-remaining") == "0" and message.block is None:
        return "primary_limit"
    return "secondary_limit" if answer.status == 429 else "take"


def refusal(answer: Answer) -> str:
    """Return the reason of a status that brings nothing."""
    if answer.status == 451:
        block = read_message(answer.body).block
        return "dmca" if block is None or block.reason in (None, "dmca") else "blocked"
    if answer.status == 403:
        message = read_message(answer.body)
        is_block = message.block is not None or "access blocked" in message.message.lower()
        return "blocked" if is_block else "forbidden"
    reasons: dict[int, Refusal] = {
        401: "unauthorised",
        404: "not_found",
        409: "empty",
        410: "gone",
        422: "unprocessable",
    }
    return reasons.get(answer.status, f"http_{answer.status}")


def read_message(body: bytes) -> Message:
    """Return the message of an error; an empty one if it is not as it should be."""
    try:
        return msgspec.json.decode(body, type=Message)
    except msgspec.DecodeError:
        return Message()
