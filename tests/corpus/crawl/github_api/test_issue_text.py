"""What is left of a discussion: people's words, without bots, mail boilerplate and names."""

import pytest

from gristmill.corpus.crawl.github.issue_text import (
    MAX_CHARS,
    MAX_LINES,
    MIN_CHARS,
    TAIL_LINES,
    TRUNCATED,
    clean_comment,
    thread_text,
)
from gristmill.corpus.crawl.github.issue_thread import Comment, Thread

LONG = "The parser fails on an empty input file. " * 6


def thread(*said: tuple[str, str], title: str = "It fails") -> Thread:
    comments = [
        Comment(author=author, is_bot=False, text=text, created=index)
        for index, (author, text) in enumerate(said)
    ]
    return Thread(number=1, title=title, comments=tuple(comments))


def reply(text: str) -> str:
    return clean_comment(text, is_reply=True)


def test_a_discussion_reads_as_markdown_with_placeholders() -> None:
    text = thread_text(thread(("ada", LONG), ("grace", "Thanks @ada, see @linus.")))
    assert text == (
        f"# It fails\n\nusername_0: {LONG.strip()}\n\nusername_1: Thanks @username_0,"
        " see @username_2.\n"
    )


def test_a_name_is_one_placeholder_in_any_case_and_only_as_a_word() -> None:
    text = thread_text(thread(("Grace", LONG), ("ada", "GRACE said so; graceful degradation")))
    assert "username_0 said so; graceful degradation" in text


def test_a_short_name_is_only_replaced_after_an_at_sign() -> None:
    text = thread_text(thread(("to", LONG), ("ada", "I want to ask @to")))
    assert "I want to ask @username_0" in text


def test_addresses_are_masked_and_code_that_looks_like_one_is_not_a_mention() -> None:
    text = thread_text(thread(("ada", LONG + "a.b+c@mail.example.org, `@decorator`, a@b")))
    assert "<email>, `@decorator`, a@b" in text


@pytest.mark.parametrize("name", ["renovate[bot]", "my-bot", "codecov-io", "K8s-CI-Robot"])
def test_bots_are_left_out(name: str) -> None:
    assert "robotic" not in thread_text(thread(("ada", LONG), (name, "robotic words " * 50)))
    assert thread_text(thread((name, LONG))) == "only_bots"


def test_what_github_calls_a_bot_is_one() -> None:
    said = Comment(author="innocent", is_bot=True, text=LONG, created=0)
    assert thread_text(Thread(number=1, title="", comments=(said,))) == "only_bots"


def test_a_command_to_a_bot_is_left_out() -> None:
    assert "/retest" not in thread_text(thread(("ada", LONG), ("grace", "/retest")))


def test_length_is_judged_as_in_starcoders_data() -> None:
    short, monologue = "x" * (MIN_CHARS - 1), "word " * (MAX_CHARS // 5) + "more"
    assert thread_text(thread(("ada", short))) == "too_short"
    assert thread_text(thread(("ada", short + "x"))).startswith("# ")
    assert thread_text(thread(("ada", monologue))) == "long_monologue"
    assert thread_text(thread(*[("ada", LONG)] * 11)) == "long_monologue"
    assert thread_text(thread(("ada", monologue), ("grace", "Yes."))).startswith("# ")


def test_the_middle_of_a_long_comment_is_left_out() -> None:
    lines = [f"line {i}" for i in range(MAX_LINES + 1)]
    kept = reply("\r\n".join(lines)).split("\n")
    head = MAX_LINES - TAIL_LINES
    assert kept == [*lines[:head], TRUNCATED, *lines[-TAIL_LINES:]]


def test_hints_of_a_template_are_left_out() -> None:
    assert clean_comment("<!-- Please\nread -->\nIt fails", is_reply=False) == "It fails"


@pytest.mark.parametrize(
    "mail",
    [
        "On Mon, Jan 2, 2017 at 3:04 PM, Ada <notifications@github.com> wrote:\n\n> It fails",
        "On Mon, Jan 2, 2017 at 3:04 PM, Ada Lovelace\n<ada@example.org> wrote:\n> It fails",
        "2017-01-02 15:04 GMT+01:00 Ada <ada@example.org>:\n> It fails",
        "Reply to this email directly, view it on GitHub\n<https://github.com/a/b>, or mute",
        "--\nAda Lovelace\nAnalytical Engines",
        "-----Original Message-----\nanything\n\nat all",
        "From: Ada <ada@example.org>\nSent: Monday\nIt fails",
        "________________________________\nFrom: Ada\nIt fails",
        "Sent from my iPhone",
        "You are receiving this because you commented.",
        "Signed-off-by: Ada <ada@example.org>",
        "> It fails",
    ],
)
def test_what_a_mail_program_adds_is_left_out(mail: str) -> None:
    assert "fails" not in reply(f"I see.\n\n{mail}")
    assert "Ada" not in reply(f"I see.\n\n{mail}")
    assert reply(f"I see.\n\n{mail}").startswith("I see.")


def test_words_before_and_after_a_quotation_stay() -> None:
    text = reply("No.\n\nOn Monday, Ada <a@example.org> wrote:\n> It fails\n\nBecause it is new.")
    assert text == "No.\n\nBecause it is new."


def test_code_is_not_taken_for_mail() -> None:
    code = "```\n> prompt\n-- comment\nFrom: a@example.org\n```"
    assert reply(code) == code


def test_a_rule_of_markdown_does_not_end_a_comment() -> None:
    text = "first\n\n-- \n" + "\n".join(f"part {i}" for i in range(10))
    assert "part 9" in reply(text)


def test_a_first_post_keeps_its_quotations() -> None:
    assert clean_comment("> he said\nIt fails", is_reply=False) == "> he said\nIt fails"


def test_a_hint_without_an_end_is_text() -> None:
    assert clean_comment("<!-- a -->b<!-- c", is_reply=False) == "b<!-- c"
