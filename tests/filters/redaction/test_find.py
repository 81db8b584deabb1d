"""What is found in a text, what is left alone, and where exactly it stands."""

import random
import string

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.filters.redaction.find import find_sensitive, sensitive_column

ALNUM = string.ascii_letters + string.digits
RANDOM = "".join(random.Random(5).choices(ALNUM, k=200))
GITHUB = "ghp_" + RANDOM[:36]
PASSWORD = "r4nd0m-Sw3et+pw"
JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI5OSJ9." + RANDOM[:43]
PEM_BODY = "\n".join(RANDOM[i : i + 64] for i in (0, 64, 128))


def found(text: str) -> list[tuple[str, str]]:
    return [(kind, text[start:stop]) for kind, start, stop in find_sensitive(text)]


@pytest.mark.parametrize(
    ("kind", "secret", "text"),
    [
        ("email", "ada.l+x@lovelace.co.uk", "# by Ada <{}>, 1843"),
        ("email", "ada@lovelace.org", "mailto:{}."),
        ("email", "ada@lovelace.org", "__by {}__"),
        ("ipv4", "93.184.216.34", "http://{}:8080/"),
        ("ipv4", "185.12.64.2", "server {}; # dns"),
        ("ipv4", "31.13.7.9", "ping {}"),
        ("ipv6", "2a03:2880:f12f:83:face:b00c:0:25de", "host = '{}'"),
        ("ipv6", "2606:4700:4700::64", "dig @{} x"),
        ("aws_access_key", "AKIA" + "Z7Q2MP4LX9KD3W8B", "id = '{}'"),
        ("aws_secret_key", RANDOM[:40], "aws_secret_access_key = '{}'"),
        ("github_token", GITHUB, "git clone https://x.org/{}"),
        ("google_api_key", "AIza" + RANDOM[:35], "<script src='x?key={}'>"),
        ("stripe_key", "sk_live_" + RANDOM[:24], "stripe.api_key = '{}'"),
        ("slack_token", "xoxb-123456789012-345678901234-" + RANDOM[:24], "token: {}"),
        ("jwt", JWT, "Authorization: Bearer {}"),
        ("private_key", PEM_BODY, "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----"),
        ("url_password", "Sw0rdf1sh", "postgres://ada:{}@db.nowhere.org/x"),
        ("url_password", "Sw0rd@F1sh@", "postgres://ada:{}@db.nowhere.org/x"),
        ("url_password", "ada@lovelace.org", "ftp://anonymous:{}@ftp.nowhere.org"),
        ("url_password", "Sw0rdf1sh-", "ftp://ada:{}@db.nowhere.org?to=ada@x"),
        ("assigned_password", PASSWORD, 'DB_PASSWORD = "{}"'),
        ("assigned_password", "Sw0rd'F1sh", 'password = "{}"'),
        ("assigned_password", 'Sw0rd"F1sh', "password = '{}'"),
        ("assigned_password", r"Sw0rd\"F1sh", 'password = "{}"'),
        ("assigned_password", "-Sw0rd`F1sh-", """<add key="Password" value='{}'/>"""),
        ("assigned_password", PASSWORD, "db.password={}"),
        ("assigned_password", PASSWORD, '"password": "{}",'),
        ("assigned_password", PASSWORD, '<add key="Password" value="{}"/>'),
        ("assigned_key", RANDOM[:32], "export ACCESS_TOKEN={}"),
        ("assigned_key", RANDOM[:32], "clientSecret: '{}',"),
        ("assigned_key", "9f86d081884c7d659a2feaa0c55ad015", "$config['api_key'] = '{}';"),
    ],
)  # fmt: skip
def test_a_secret_is_found_where_it_stands(kind: str, secret: str, text: str) -> None:
    assert found(f"\u4e2d\u6587 \U0001f600\n{text.format(secret)}\n") == [(kind, secret)]


@pytest.mark.parametrize(
    "text",
    [
        "git@github.com:ada/tools.git",
        "someone@example.com, root@localhost, x@y.test",
        "icon@2x.png and object@slot.data, object@slot.name_x, react@16.0.1",
        "10.0.0.1 127.0.0.1 192.168.1.77 172.16.9.9 203.0.113.7 0.0.0.0 255.255.255.0 8.8.8.8",
        "version 93.184.216.34, v81.92.93.94, package==45.46.47.48",
        'Version("4.0.30.1") and 1.2.3.4, section 8.2.4.45',
        "OID 2.5.29.32, 1.3.6.1.4.1.311.21.20, ObjectIdentifier('2.5.4.42')",
        "2001:db8::1, fe80::1, ::1, 12:34:56:78:9a:bc, std::vector::iterator, 2020:10:12 11:09",
        "networks 54.239.208.0/21 and 93.184.216.0/24",
        '"password", "scram-sha-256", token = "tweets.20150430-223406.json"',
        'publicKeyToken="1fc8b3b9a1e18e3b"',
        "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
        "sha512-" + RANDOM[:86] + "==",
        "id = '123e4567-e89b-12d3-a456-426614174000'",
        "data:image/png;base64," + RANDOM,
        'password = "password"; passwd = os.environ["DB_PASSWORD"]',
        'password = "<your password>"; token = "${TOKEN}"; secret = "{{ vault_secret }}"',
        "token = tokenizer.next_token(); api_key=self.settings.api_key_v1",
        "AKIAXXXXXXXXXXXXXXXX and AKIAIOSFODNN7EXAMPL",
        "password='\"+word1+\"' or password = 'Sw0rd\"+word1+\"'",
        "http://localhost:8080?to=ada@lovelace.xyzzy",
        "https://user:password@host.org https://$USER:$PASS@host.org https://u:{pw}@host.org",
        "-----BEGIN PUBLIC KEY-----\n" + PEM_BODY + "\n-----END PUBLIC KEY-----",
        "if header == '-----BEGIN PRIVATE KEY-----':\n    pass\n",
        "eyJustAWord.notATokenAtAll.really",
    ],
)
def test_what_only_looks_like_a_secret_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_every_occurrence_is_found() -> None:
    text = f"a = '{GITHUB}'\nb = ['{GITHUB}', '{GITHUB}']\n# {GITHUB}\n"
    assert found(text) == [("github_token", GITHUB)] * 4


def test_a_secret_that_its_context_gave_away_is_found_without_it_too() -> None:
    text = f"password = '{PASSWORD}'\nprint('{PASSWORD}')\n"
    assert found(text) == [("assigned_password", PASSWORD)] * 2


def test_a_column_has_the_findings_of_each_text() -> None:
    texts = pa.chunked_array([["\u00fc ada@lovelace.org", None, ""]], pa.large_string())
    email = {"kind": "email", "start": 2, "stop": 18}
    assert sensitive_column(texts).to_pylist() == [[email], None, []]


@given(st.lists(st.sampled_from([GITHUB, "ada@b.org", "\u4e2d ", "\n", "x = ", PEM_BODY, "'"])))
def test_findings_are_in_order_and_apart(parts: list[str]) -> None:
    text = "".join(parts)
    position = 0
    for _, start, stop in find_sensitive(text):
        assert position <= start < stop <= len(text)
        position = stop
