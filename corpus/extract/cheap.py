"""The cheap text of a page: main content by resiliparse, for every page there is."""

from resiliparse.extract.html2text import extract_plain_text

# Browsers stop nesting at 512; main-content extraction takes time quadratic in the depth.
MAX_DEPTH = 512
# Its parser takes time quadratic in the options of a list, 1 s for so many.
MAX_OPTIONS = 10_000


def html_text(html: str) -> str:
    """Return a page's main content as plain text, code and lists laid out as they were.

    Where the heuristic finds no main content, all visible text is taken: a long reference page
    without paragraphs is still a document.
    """
    text = _extract(html, main_content=True)
    if not text.strip():
        text = _extract(html, main_content=False)
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _extract(html: str, *, main_content: bool) -> str:
    return str(
        extract_plain_text(
            html,
            preserve_formatting=True,
            main_content=main_content,
            alt_texts=True,
            links=False,
        )
    )
