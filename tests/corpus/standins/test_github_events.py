"""GH Archive's hour files in the words of each era."""

import gzip
import json
import zlib
from datetime import datetime, timezone

import msgspec
import pytest

from gristmill.corpus.standins.github import GithubStandin
from gristmill.corpus.standins.github.event_words import StandinEvent
from gristmill.corpus.standins.github.events import (
    EVENTS_PER_MEMBER,
    events_of,
    hour_files,
    hour_name,
)

from .github_client import call, issue, repository

API = "https://api.github.com"


def moment(year: int, month: int, day: int, hour: int = 9) -> datetime:
    return datetime(year, month, day, hour, 30, tzinfo=timezone.utc)


def event(at: datetime, kind: str = "repository", num_copies: int = 1) -> StandinEvent:
    found = issue(1)
    return StandinEvent(
        kind=kind,  # type: ignore[arg-type]
        at=at,
        repository=repository(7, "alpha/one", created_at=at),
        issue=found if kind in ("issue", "comment") else None,
        comment=found.comments[0] if kind == "comment" else None,
        num_copies=num_copies,
    )


def lines(packed: bytes) -> list[dict[str, dict[str, object]]]:
    return [json.loads(line) for line in gzip.decompress(packed).splitlines()]


def only(found: StandinEvent) -> dict[str, dict[str, object]]:
    return lines(hour_files([found], API)[hour_name(found.at)])[0]


def test_hours_are_not_padded_and_pacific_until_2014() -> None:
    assert hour_name(moment(2023, 10, 31, 5)) == "2023-10-31-5.json.gz"
    assert hour_name(moment(2012, 4, 11, 5)) == "2012-04-10-21.json.gz"


def test_a_birth_of_the_first_era_has_a_whole_repository_and_no_id() -> None:
    line = only(event(moment(2012, 4, 11)))
    assert "id" not in line
    assert line["repository"]["id"] == 7
    assert (line["repository"]["owner"], line["repository"]["name"]) == ("alpha", "one")
    assert str(line["created_at"]) == "2012-04-11T01:30:00-08:00"
    assert str(line["type"]) == "CreateEvent"
    assert line["payload"]["ref_type"] == "repository"


def test_a_birth_of_the_second_era_names_the_repository_in_repo() -> None:
    line = only(event(moment(2020, 4, 11)))
    assert line["repo"] == {"id": 7, "name": "alpha/one", "url": f"{API}/repos/alpha/one"}
    assert line["payload"]["ref"] is None
    assert line["payload"]["ref_type"] == "repository"
    assert line["org"]["login"] == "alpha"


def test_a_branch_is_told_apart_from_a_birth() -> None:
    payload = only(event(moment(2020, 4, 11), "branch"))["payload"]
    assert (payload["ref_type"], payload["ref"]) == ("branch", "main")


def test_issues_and_comments_carry_their_text_until_october_2025() -> None:
    opened = only(event(moment(2025, 10, 6), "issue"))["payload"]
    said = only(event(moment(2025, 10, 6), "comment"))["payload"]
    assert isinstance(opened["issue"], dict)
    assert isinstance(said["comment"], dict)
    assert (opened["action"], opened["issue"]["body"]) == ("opened", "It fails.")
    assert (said["action"], said["comment"]["body"]) == ("created", "Me too.")


def test_payloads_are_trimmed_since_october_2025() -> None:
    opened = only(event(moment(2025, 10, 8), "issue"))["payload"]
    said = only(event(moment(2025, 10, 8), "comment"))["payload"]
    assert opened["issue"] == {"id": 8001, "number": 1}
    assert said["comment"] == {"id": 9001}
    assert "full_ref" in only(event(moment(2025, 10, 8), "branch"))["payload"]


def test_first_era_comments_carry_ids_alone() -> None:
    assert only(event(moment(2013, 1, 1), "comment"))["payload"] == {
        "issue_id": 8001,
        "comment_id": 9001,
    }


def test_an_event_can_be_recorded_twice_with_the_same_id() -> None:
    found = event(moment(2020, 4, 11), num_copies=2)
    first, second = lines(hour_files([found], API)[hour_name(found.at)])
    assert first == second


def test_a_full_hour_has_several_gzip_members() -> None:
    found = [event(moment(2020, 4, 11))] * (EVENTS_PER_MEMBER + 1)
    packed = hour_files(found, API)["2020-04-11-9.json.gz"]
    unpacker = zlib.decompressobj(wbits=31)
    assert unpacker.decompress(packed).count(b"\n") == EVENTS_PER_MEMBER
    assert unpacker.unused_data
    assert len(lines(packed)) == EVENTS_PER_MEMBER + 1


def test_the_same_events_give_the_same_bytes() -> None:
    found = [event(moment(2020, 4, 11), kind) for kind in ("repository", "branch", "comment")]
    assert hour_files(found, API) == hour_files(found, API)


def test_nothing_was_recorded_before_february_2011() -> None:
    assert hour_files([event(moment(2011, 2, 11))], API) == {}


def test_births_issues_and_comments_of_public_repositories_are_events() -> None:
    public = repository(1, "alpha/one", issues=(issue(1),))
    secret = repository(2, "alpha/two", is_private=True)
    kinds = [found.kind for found in events_of([public, secret])]
    assert kinds == ["repository", "branch", "issue", "comment"]
    empty = msgspec.structs.replace(public, commit=None, issues=())
    assert [found.kind for found in events_of([empty])] == ["repository"]


def test_an_hour_is_served_whole_and_in_parts() -> None:
    with GithubStandin([repository(1, "alpha/one")]) as github:
        url = f"{github.endpoints.gharchive}/{github.hours[0]}"
        whole = call(url, token=None)
        part = call(url, {"Range": "bytes=5-"}, token=None)
    assert github.hours == ("2020-01-02-12.json.gz",)
    assert lines(whole.body)[0]["repo"]["name"] == "alpha/one"
    assert (part.status, part.body) == (206, whole.body[5:])
    assert "x-ratelimit-limit" not in whole.headers


@pytest.mark.parametrize("name", ["2020-01-02-13.json.gz", "2020-01-02-012.json.gz"])
def test_an_hour_that_is_missing_is_not_found(name: str) -> None:
    with GithubStandin([repository(1, "alpha/one")]) as github:
        assert call(f"{github.endpoints.gharchive}/{name}").status == 404
