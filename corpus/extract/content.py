"""Which element holds what a page is about, and what inside it is still furniture.

Paragraphs give points to the elements around them, fewer the farther these are; links take points
away; names and tags add to them. Formulas and code are content wherever they stand: the choice
grows until it holds them, and the cleaning never drops them.
"""

import re
from typing import Final

from .clues import Role, role_of
from .placeholders import OPEN, Placeholders
from .rewrite import BLOCK_TAG
from .tree import BLOCK, Node

MIN_PARAGRAPH_CHARS: Final = 25
MIN_CONTENT_CHARS: Final = 250
NEARLY_ALL: Final = 0.98
PROTECTED_FRACTION: Final = 0.5
_PARAGRAPHS: Final = frozenset(("p", "td", "dd", "li", "blockquote", BLOCK_TAG, "center"))
_NEVER_PRUNED: Final = frozenset(
    ("#root", "html", "body", "main", "article", "blockquote", BLOCK_TAG)
)
_TAG_POINTS: Final = {
    "article": 15.0,
    "main": 10.0,
    "section": 4.0,
    "div": 5.0,
    "td": 3.0,
    "blockquote": 3.0,
    "form": -3.0,
    "ul": -3.0,
    "ol": -3.0,
    "dl": -3.0,
    "li": -3.0,
    "th": -5.0,
}
_ROLE_POINTS: Final[dict[Role, float]] = {
    "content": 25.0,
    "furniture": -25.0,
    "comments": -25.0,
    "unknown": 0.0,
}
_COMMA = re.compile("[,\u060c\u3001\uff0c\u3002;\uff1b]")
_HEADINGS: Final = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))


class Content:
    """Chooses the main content of one rewritten tree."""

    def __init__(self, root: Node, placeholders: Placeholders, url: str = "") -> None:
        self._own_anchors = ("#", f"{url}#") if url else ("#",)
        self._root = root
        self._placeholders = placeholders
        self._points: dict[int, float] = {}
        self._nodes: dict[int, Node] = {}

    def choose(self) -> list[Node]:
        """Return the elements that together are the content, in the order of the page."""
        self._measure(self._root)
        self._prune(self._root, max(1, self._root.chars))
        body = self._body()
        top = self._declared(body) or self._best(body)
        if top is None:
            return [body]
        top = self._with_all_kept(top, body)
        chosen = self._with_siblings(top)
        num_chars = sum(node.chars for node in chosen)
        for node in chosen:
            self._clean(node, num_chars)
        return chosen

    def _body(self) -> Node:
        for node in self._root.nodes():
            if node.tag == "body":
                return node
        return self._root

    def _measure(self, node: Node) -> None:
        chars = links = kept = commas = 0
        for child in node.children:
            if isinstance(child, str):
                text = child.strip()
                if text:
                    chars += len(text)
                    if len(text) >= MIN_PARAGRAPH_CHARS:
                        commas += len(_COMMA.findall(text))
                    if OPEN in text:
                        kept_here, inline = self._placeholders.weigh(text)
                        kept += kept_here
                        chars += kept_here + inline
            else:
                if child.children:
                    self._measure(child)
                chars += child.chars
                links += child.link_chars
                kept += child.kept_chars
                commas += child.commas
        if node.tag == "a" and not node.get("href").startswith(self._own_anchors):
            links = chars - kept
        node.chars, node.link_chars, node.kept_chars, node.commas = chars, links, kept, commas

    def _prune(self, node: Node, page_chars: int) -> None:
        """Drop furniture by its name, unless most of the page is in it."""
        children: list[Node | str] = []
        for child in node.children:
            if not isinstance(child, Node):
                children.append(child)
                continue
            before = (child.chars, child.link_chars, child.kept_chars, child.commas)
            is_large = child.chars > PROTECTED_FRACTION * page_chars
            if child.tag not in _NEVER_PRUNED and not is_large and self._is_furniture(child):
                after = (0, 0, 0, 0)
            else:
                children.append(child)
                if child.children:
                    self._prune(child, page_chars)
                after = (child.chars, child.link_chars, child.kept_chars, child.commas)
            if after != before:
                node.chars += after[0] - before[0]
                node.link_chars += after[1] - before[1]
                node.kept_chars += after[2] - before[2]
                node.commas += after[3] - before[3]
        node.children = children

    def _is_furniture(self, node: Node) -> bool:
        role = role_of(node)
        if role == "comments":
            return True
        if role != "furniture" or node.tag in _HEADINGS or node.tag in ("p", "a", "span", "em"):
            return role == "furniture" and node.tag in ("a", "span", "p") and not node.kept_chars
        return node.kept_chars == 0 or node.tag in ("nav", "footer")

    def _declared(self, body: Node) -> Node | None:
        """Return the one element that the page declares to be its article."""
        declared = [
            node for node in body.nodes() if "articleBody" in node.raw and node.has("itemprop")
        ]
        if len(declared) == 1 and declared[0].chars >= MIN_CONTENT_CHARS:
            return declared[0]
        return None

    def _best(self, body: Node) -> Node | None:
        for node in [body, *body.nodes()]:
            if node.tag in _PARAGRAPHS or (node.tag in BLOCK and _has_own_text(node)):
                self._award(node, body)
        best, best_points = None, 0.0
        for key, points in self._points.items():
            node = self._nodes[key]
            points *= 1 - _link_density(node)
            self._points[key] = points
            if points > best_points:
                best, best_points = node, points
        if best is None:
            return None
        return self._climb(best, best_points, body)

    def _award(self, node: Node, body: Node) -> None:
        own = _own_chars(node) if node.tag not in _PARAGRAPHS else node.chars
        if own < MIN_PARAGRAPH_CHARS:
            return
        points = 1 + min(node.commas, 20) + min(own / 100, 3)
        above = node.parent
        for level in range(5):
            if above is None or above.tag in ("#root", "html"):
                return
            key = id(above)
            if key not in self._points:
                self._nodes[key] = above
                self._points[key] = _TAG_POINTS.get(above.tag, 0.0) + _ROLE_POINTS[role_of(above)]
            self._points[key] += points / (1 if level == 0 else 2 if level == 1 else level * 3)
            if above is body:
                return
            above = above.parent

    def _climb(self, best: Node, best_points: float, body: Node) -> Node:
        """Return the element itself, or one around it that holds several like it."""
        node = best
        while node is not body and node.parent is not None:
            above = node.parent
            points = self._points.get(id(above), 0.0)
            if points > best_points or above.chars == best.chars:
                best, best_points = above, max(points, best_points)
            elif points < best_points / 3:
                break
            node = above
        return best

    def _with_all_kept(self, top: Node, body: Node) -> Node:
        """Return the element around `top` that holds nearly all formulas and code of the page."""
        wanted = NEARLY_ALL * body.kept_chars
        while top.kept_chars < wanted and top is not body and top.parent is not None:
            top = top.parent
        return top

    def _with_siblings(self, top: Node) -> list[Node]:
        """Return the element with those beside it that read like its continuation."""
        around = top.parent
        if around is None or top.tag in ("body", "main", "article"):
            return [top]
        enough = max(10.0, 0.2 * self._points.get(id(top), 0.0))
        chosen = []
        for child in around.children:
            if isinstance(child, str):
                continue
            points = self._points.get(id(child), 0.0)
            if child.get("class") and child.get("class") == top.get("class"):
                points += enough
            is_prose = (
                child.tag in ("p", *_HEADINGS) and child.chars > 80 and _link_density(child) < 0.25
            )
            if child is top or points >= enough or is_prose or child.tag == "h1":
                chosen.append(child)
        return chosen

    def _clean(self, node: Node, num_chars: int) -> None:
        """Drop lists of links and the like inside the content."""
        children: list[Node | str] = []
        for child in node.children:
            if isinstance(child, Node):
                is_large = child.chars > PROTECTED_FRACTION * num_chars
                if child.tag in BLOCK and not is_large and _is_clutter(child):
                    continue
                self._clean(child, num_chars)
            children.append(child)
        node.children = children


def _is_clutter(node: Node) -> bool:
    if node.tag == "figcaption":  # of a picture, which is not in the text
        return node.parent is not None and not node.parent.kept_chars
    if node.kept_chars or node.tag in _HEADINGS or node.tag in ("dt", "dd", "tr", "td", "th"):
        return False
    if not node.chars:
        return False
    density = node.link_chars / node.chars
    if node.tag in ("p", "li", "blockquote"):
        return density > 0.9 and node.chars < 200 and node.tag == "p"
    limit = 0.5 if role_of(node) == "content" else 0.35
    if density <= limit or node.chars > 3000:
        return False
    num_items = sum(child.tag in ("li", "p", "tr") for child in node.nodes())
    return node.chars - node.link_chars < 40 * max(1, num_items)


def _has_own_text(node: Node) -> bool:
    return any(
        child.strip() if isinstance(child, str) else child.tag not in BLOCK
        for child in node.children
    )


def _own_chars(node: Node) -> int:
    """Return how many characters stand in an element outside blocks within it."""
    return sum(
        len(child.strip()) if isinstance(child, str) else child.chars
        for child in node.children
        if isinstance(child, str) or child.tag not in BLOCK
    )


def _link_density(node: Node) -> float:
    return node.link_chars / node.chars if node.chars else 0.0
