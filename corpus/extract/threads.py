"""Pages of questions and answers, and of forums: the posts in their order, and nothing around them.

The text of a post is told by the names that the common programs give it. A page is a thread if
several such posts, or a question, hold a good part of what is on it.
"""

import re
from typing import Final, NamedTuple

from .render import flat_text, plain_line, render
from .tree import Node

MIN_THREAD_FRACTION: Final = 0.25
MIN_POST_CHARS: Final = 2
_ANSWER_BODIES: Final = frozenset(("s-prose", "post-text", "js-post-body"))
# By the program that writes them: classes of which one names the text of a post.
_POST_CLASSES: Final = (
    frozenset(("bbWrapper", "messageText", "message-userContent")),  # XenForo
    frozenset(("postcontent", "post_message", "js-post__content-text")),  # vBulletin
    frozenset(("cooked",)),  # Discourse
    frozenset(("post_body", "post-body", "postbody-text", "postmessage", "post_content")),  # MyBB
    frozenset(("Post-body",)),  # Flarum
    frozenset(("ipsType_richText", "cPost_contentWrap", "commentContent")),  # Invision
    frozenset(("usertext-body",)),  # Reddit
    frozenset(("commtext",)),  # Hacker News
    frozenset(("t_f",)),  # Discuz
    frozenset(("d_post_content",)),  # Tieba
    frozenset(("RichContent-inner",)),  # Zhihu
)
# "content" is the text of a post only inside phpBB's "postbody".
_ALL_CLASSES: Final = frozenset(("content",)).union(*_POST_CLASSES)
_POST_IDS: Final = re.compile(r"post_message_\d+|postmessage_\d+|msg_\d+|post_content_?\d+")
_NOT_TEXT: Final = frozenset(("signature", "sig", "postsignature", "message-signature", "lastedit"))
_NUMBER = re.compile(r"-?\d{1,9}")


class _Answer(NamedTuple):
    body: Node
    heading: str


def thread_text(root: Node, title: str) -> str:
    """Return the posts of a thread as Markdown; "" for a page that is none."""
    answers = _answers(root)
    if answers:
        parts = [f"## {answer.heading}\n\n{render([answer.body])}" for answer in answers]
        return _with_title(root, title, "\n\n".join(parts))
    posts = _posts(root)
    if not posts:
        return ""
    for post in posts:
        _drop_signatures(post)
    texts = [text for post in posts if (text := render([post]))]
    return _with_title(root, title, "\n\n---\n\n".join(texts))


def _answers(root: Node) -> list[_Answer]:
    """Return the question and its answers where a page is laid out as Stack Exchange's are."""
    found: list[_Answer] = []
    bodies: set[int] = set()
    for node in root.nodes():
        if "question" not in node.raw and "answer" not in node.raw:
            continue
        classes = node.classes
        is_question = "question" in classes or node.get("id") == "question"
        if not is_question and "answer" not in classes:
            continue
        body = next(
            (one for one in node.nodes() if not _ANSWER_BODIES.isdisjoint(one.classes)), None
        )
        if body is None or id(body) in bodies:
            continue
        bodies.add(id(body))
        heading = "Question" if is_question else "Answer"
        found.append(_Answer(body, f"{heading}{_standing(node)}"))
    return found if any(answer.heading.startswith("Question") for answer in found) else []


def _standing(node: Node) -> str:
    """Return a post's votes, and whether its answer was accepted, as part of a heading."""
    facts = []
    votes = node.get("data-score").strip()
    if not _NUMBER.fullmatch(votes):
        votes = next(
            (number for one in node.nodes() if _is_vote(one) and (number := _vote(one))), ""
        )
    if votes:
        facts.append(f"{votes} {'vote' if votes in ('1', '-1') else 'votes'}")
    if "accepted-answer" in node.classes or node.get("itemprop") == "acceptedAnswer":
        facts.append("accepted")
    return f" ({', '.join(facts)})" if facts else ""


def _is_vote(node: Node) -> bool:
    classes = node.classes
    return (
        "js-vote-count" in classes
        or "vote-count-post" in classes
        or node.get("itemprop") == "upvoteCount"
    )


def _vote(node: Node) -> str:
    for text in (node.get("data-value"), node.get("content"), node.text()):
        if found := _NUMBER.fullmatch(text.strip()):
            return found[0]
    return ""


def _posts(root: Node) -> list[Node]:
    """Return the posts by the program that has most of the page's text in them."""
    groups: dict[int, list[Node]] = {}
    inside: dict[int, int] = {}
    for node in root.nodes():
        above = node.parent
        nested = inside.get(id(above), -1) if above is not None else -1
        group = nested if nested != -1 else _group(node)
        if group == -1:
            continue
        inside[id(node)] = group
        if nested == -1:
            groups.setdefault(group, []).append(node)
    best: list[Node] = []
    best_chars = 0
    for posts in groups.values():
        sizes = [len(post.text().strip()) for post in posts]
        if sum(size >= MIN_POST_CHARS for size in sizes) >= 2 and sum(sizes) > best_chars:
            best, best_chars = posts, sum(sizes)
    return best if best_chars >= MIN_THREAD_FRACTION * len(root.text()) else []


def _group(node: Node) -> int:
    """Return which program's post an element is the text of, -1 for none."""
    raw = node.raw
    if not raw:
        return -1
    if not _ALL_CLASSES.isdisjoint(node.classes):
        for index, names in enumerate(_POST_CLASSES):
            if not names.isdisjoint(node.classes):
                return index
        around = (node.parent, node.parent.parent if node.parent else None)
        if any(one is not None and "postbody" in one.classes for one in around):
            return len(_POST_CLASSES)
    if ("post" in raw or "msg_" in raw) and _POST_IDS.fullmatch(node.get("id")):
        return len(_POST_CLASSES) + 1
    is_post = "itemprop" in raw and node.get("itemprop") in ("text", "commentText")
    return len(_POST_CLASSES) + 2 if is_post else -1


def _drop_signatures(node: Node) -> None:
    for child in [node, *node.nodes()]:
        child.children = [
            below
            for below in child.children
            if isinstance(below, str) or _NOT_TEXT.isdisjoint(below.classes)
        ]


def _with_title(root: Node, title: str, text: str) -> str:
    heading = next((node for node in root.nodes() if node.tag == "h1"), None)
    named = plain_line(flat_text(heading)).replace("\n", " ") if heading is not None else ""
    named = named or title
    return f"# {named}\n\n{text}" if named else text
