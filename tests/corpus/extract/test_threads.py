"""Threads keep their posts in order, questions and answers with their votes."""

import pytest

from gristmill.corpus.extract import extract_page

QUESTION = """<html><head><title>Sum - Q&amp;A</title></head><body><nav><a href=/>Home</a></nav>
<h1><a href=/q>How do I sum?</a></h1><div id="question" class="question" data-score="12">
<div class="js-vote-count" data-value="12">12</div><div class="s-prose js-post-body"><p>I have
<span class="math-container">$n$</span> numbers.</p><pre><code>a = [1]\n</code></pre></div>
<div class="comments"><span>noise</span></div></div>
<div class="answer accepted-answer" data-score="30"><div class="s-prose js-post-body"><p>Use
<code>sum</code>.</p></div></div>
<div class="answer"><div class="js-vote-count" data-value="1">1</div><div class="s-prose">
<p>Or a loop.</p></div></div>
<div class="answer downvoted" data-score="-2"><div class="post-text"><p>No.</p></div></div>
<aside><p>Related: noise</p></aside></body></html>"""


def test_a_question_keeps_its_answers_and_votes_in_order() -> None:
    page = extract_page(QUESTION.encode(), mime="text/html", charset=None)
    assert page.text == (
        "# How do I sum?\n\n## Question (12 votes)\n\nI have $n$ numbers.\n\n```\na = [1]\n```\n\n"
        "## Answer (30 votes, accepted)\n\nUse `sum`.\n\n## Answer (1 vote)\n\nOr a loop.\n\n"
        "## Answer (-2 votes)\n\nNo."
    )


POSTS = {
    "phpbb": '<div class="postbody"><p class="author">noise</p><div class="content">{}</div></div>',
    "vbulletin 3": '<td><div>noise</div><div id="post_message_{n}">{}</div></td>',
    "vbulletin 4": '<div class="user">noise</div><blockquote class="postcontent">{}</blockquote>',
    "xenforo": '<div class="cell">noise<article><div class="bbWrapper">{}</div></article></div>',
    "discourse": '<div class="topic-body"><span>noise</span><div class="cooked">{}</div></div>',
    "smf": '<div class="poster">noise</div><div class="inner" id="msg_{n}">{}</div>',
    "mybb": '<div class="author">noise</div><div class="post_body scaleimages">{}</div>',
    "flarum": '<header>noise</header><div class="Post-body">{}</div>',
    "invision": '<aside>noise</aside><div class="ipsType_richText">{}</div>',
    "discuz": '<table><tr><td>noise</td><td class="t_f" id="postmessage_{n}">{}</td></tr></table>',
    "schema.org": '<div>noise</div><div itemprop="text">{}</div>',
}


@pytest.mark.parametrize("name", POSTS)
def test_a_forum_keeps_its_posts_and_nothing_else(name: str) -> None:
    texts = ["How is \\(x^2\\) found?", "Like this.", "Thank you, that was it."]
    sig = '<div class="signature">noise</div>'
    posts = "".join(
        POSTS[name].replace("{n}", str(n)).replace("{}", f"<p>{text}</p>{sig}")
        for n, text in enumerate(texts)
    )
    html = f"<html><title>Forum</title><body><h1>Squares</h1>{posts}<p>noise</p></body></html>"
    page = extract_page(html.encode(), mime="text/html", charset=None)
    expected = "\n\n---\n\n".join(texts).replace("\\(x^2\\)", "$x^2$")
    assert page.text == f"# Squares\n\n{expected}"


def test_an_article_with_two_quoted_posts_is_no_thread() -> None:
    quotes = '<div class="cooked">one</div><div class="cooked">two</div>'
    prose = "<p>The article itself goes on for a good while, with commas, and with words.</p>" * 9
    page = extract_page(f"<body>{prose}{quotes}</body>".encode(), mime="text/html", charset=None)
    assert "The article itself" in (page.text or "")
