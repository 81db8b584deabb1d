"""Redaction against its peers: what each finds of planted secrets, and how fast.

    python bench/redact.py [--json] [--megabytes N] [FOLDER]

Secrets of every kind are drawn from a seed and planted at random lines of the real files of FOLDER
(default: this repository's own), one line each, a third of them twice. A peer finds an occurrence
if it reports its line (detect-secrets) or a span that covers it (scrubadub, where installed). What
a peer reports beyond the planted is not counted against it here. Seconds are of the files as they
are, of one process.
"""

import argparse
import base64
import json
import logging
import random
import string
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from gristmill.filters.redaction.find import find_sensitive

ROOT = Path(__file__).parents[1]
ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
URLSAFE = ALNUM + "_-"


class Planted(NamedTuple):
    """One occurrence: its kind, the secret, the line of its file and where it stands."""

    kind: str
    secret: str
    line: int
    start: int


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT)
    parser.add_argument("--megabytes", type=float, default=2.0)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    files = list(plant(wanted.folder, wanted.megabytes))
    peers: dict[str, Callable[[str], Found]] = {"gristmill": ours, **peer_finders()}
    results = {name: measure(files, find) for name, find in peers.items()}
    (found, seconds), megabytes = (
        results["gristmill"],
        sum(len(original) for original, *_ in files) / 1e6,
    )
    for name, (other, other_seconds) in results.items():
        if name == "gristmill":
            continue
        report = {"name": f"redact: MB/s against {name}"}
        rates = megabytes / seconds, megabytes / other_seconds
        emit(report, *rates, as_json=wanted.json)
        for kinds, label in ((KEYS, "keys and passwords"), (ADDRESSES, "addresses")):
            total = sum(found[kind, "all"] for kind in kinds)
            shares = [sum(each[kind, "found"] for kind in kinds) / total for each in (found, other)]
            emit({"name": f"redact: {label} found against {name}"}, *shares, as_json=wanted.json)
        missed = {kind: other[kind, "found"] - found[kind, "found"] for kind in MAKERS}
        worse = {kind: number for kind, number in missed.items() if number > 0}
        if worse and not wanted.json:
            print("  kinds of which the peer finds more:", worse)
    if not wanted.json:
        for kind in MAKERS:
            cells = [
                f"{each[kind, 'found']:>4}/{each[kind, 'all']}" for each, _ in results.values()
            ]
            print(f"{kind:24}", *cells)


def emit(comparison: Mapping[str, object], ours: float, peer: float, *, as_json: bool) -> None:
    """Print one comparison."""
    report = {**comparison, "ours": round(ours, 3), "peer": round(peer, 3)}
    report["ratio"] = round(ours / peer, 2) if peer else None
    if as_json:
        print(json.dumps(report))
    else:
        print(f"{report['name']:56} {ours:10.3f} {peer:10.3f} {report['ratio'] or '':>8}")


Found = Callable[[Planted], bool]


def measure(
    files: list[tuple[str, str, list[Planted]]], find: Callable[[str], Found]
) -> tuple[Counter[tuple[str, str]], float]:
    """Return planted and found occurrences by kind, and the seconds."""
    counts: Counter[tuple[str, str]] = Counter()
    seconds = 0.0
    for original, text, planted in files:
        holds = find(text)
        start = time.process_time()
        find(original)
        seconds += time.process_time() - start
        for each in planted:
            counts[each.kind, "all"] += 1
            counts[each.kind, "found"] += holds(each)
    return counts, seconds


def ours(text: str) -> Found:
    """Find with gristmill."""
    return spans_hold([(start, stop) for _, start, stop in find_sensitive(text)])


def spans_hold(spans: list[tuple[int, int]]) -> Found:
    """Return whether a span covers all of an occurrence but white space at its ends."""
    return lambda each: any(
        start <= each.start and each.start + len(each.secret) <= stop for start, stop in spans
    )


def peer_finders() -> dict[str, Callable[[str], Found]]:
    """Return the peers that are installed."""
    found: dict[str, Callable[[str], Found]] = {}
    try:
        collections = import_module("detect_secrets.core.secrets_collection")
        settings = import_module("detect_secrets.settings")
    except ModuleNotFoundError:
        return found

    def detect_secrets(text: str) -> Found:
        with tempfile.NamedTemporaryFile("w", suffix=".py", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            secrets = collections.SecretsCollection()
            with settings.default_settings():
                secrets.scan_file(file.name)
        lines = {secret.line_number for _, secret in secrets}
        return lambda each: each.line in lines

    logging.getLogger("detect_secrets").setLevel(logging.ERROR)
    found["detect-secrets"] = detect_secrets
    try:
        scrubadub = import_module("scrubadub")
    except ModuleNotFoundError:
        return found
    scrubber = scrubadub.Scrubber()

    def scrub(text: str) -> Found:
        return spans_hold([(filth.beg, filth.end) for filth in scrubber.iter_filth(text)])

    found["scrubadub"] = scrub
    return found


def plant(folder: Path, megabytes: float) -> Iterator[tuple[str, str, list[Planted]]]:
    """Yield the texts of real files, the same with secrets in them, and the secrets."""
    rng = random.Random(0)
    paths = sorted(path for path in folder.rglob("*.py") if ".venv" not in path.parts)
    rng.shuffle(paths)
    size = 0
    kinds = list(MAKERS)
    for number, path in enumerate(paths):
        lines = path.read_text("utf-8").split("\n")
        new: list[tuple[int, str, str, str]] = []
        for offset in range(4):
            kind = kinds[(4 * number + offset) % len(kinds)]
            secret, template = MAKERS[kind](rng)
            for _ in range(1 + (rng.random() < 1 / 3)):
                new.append((rng.randrange(len(lines) + 1), kind, secret, template))
        text, planted = _insert(lines, new)
        yield "\n".join(lines), text, planted
        size += len(text)
        if size > megabytes * 1e6:
            return


def _insert(lines: list[str], new: list[tuple[int, str, str, str]]) -> tuple[str, list[Planted]]:
    parts: list[str] = []
    planted = []
    for position in range(len(lines) + 1):
        for place, kind, secret, template in new:
            if place == position:
                before, _, after = template.rpartition("SECRET")
                text = "".join(parts) + before
                line = text.count("\n") + 1
                if kind == "private_key":
                    line -= 1  # peers report the line before the secret
                planted.append(Planted(kind, secret, line, len(text)))
                parts.append(f"{before}{secret}{after}\n")
        if position < len(lines):
            parts.append(lines[position] + "\n" * (position < len(lines) - 1))
            if position == len(lines) - 1 and any(place == len(lines) for place, *_ in new):
                parts.append("\n")
    return "".join(parts), planted


Maker = Callable[[random.Random], tuple[str, str]]


def shaped(
    prefix: str, size: int, alphabet: str = ALNUM, template: str = 'key = "SECRET"'
) -> Maker:
    """Return what draws a secret: a prefix and random characters, in a line of code."""
    return lambda rng: (prefix + "".join(rng.choices(alphabet, k=size)), template)


def _jwt(rng: random.Random) -> tuple[str, str]:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    body = {"sub": str(rng.randrange(10**9)), "name": rng.choice(["Ada", "Bo"])}
    signature = "".join(rng.choices(URLSAFE, k=43))
    token = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(body)}.{signature}"
    return token, 'headers = {"Authorization": "Bearer SECRET"}'


def _private_key(rng: random.Random) -> tuple[str, str]:
    body = "\n".join("".join(rng.choices(ALNUM + "+/", k=64)) for _ in range(12))
    kind = rng.choice(["RSA ", "EC ", "OPENSSH ", ""])
    head, tail = f"-----BEGIN {kind}PRIVATE KEY-----", f"-----END {kind}PRIVATE KEY-----"
    return body, f'pem = """{head}\nSECRET\n{tail}"""'


def _password(rng: random.Random) -> tuple[str, str]:
    secret = "".join(rng.choices(ALNUM, k=10)) + rng.choice("!#%+?") + rng.choice(string.digits)
    return secret, rng.choice(['password = "SECRET"', "'db_password': 'SECRET',", "PWD = 'SECRET'"])


def _email(rng: random.Random) -> tuple[str, str]:
    name = "".join(rng.choices(string.ascii_lowercase, k=rng.randrange(3, 9)))
    host = "".join(rng.choices(string.ascii_lowercase, k=7))
    address = f"{name}@{host}.{rng.choice(['com', 'org', 'de', 'co.uk', 'io'])}"
    return address, rng.choice(["# Author: X <SECRET>", "# write to SECRET.", 'mail = "SECRET"'])


def _ipv4(rng: random.Random) -> tuple[str, str]:
    first = rng.choice([23, 45, 81, 93, 134, 151, 185, 212])
    address = ".".join(str(n) for n in (first, *(rng.randrange(40, 255) for _ in range(3))))
    return address, rng.choice(['host = "SECRET"', "# ping SECRET", 'url = "http://SECRET:80/"'])


def _ipv6(rng: random.Random) -> tuple[str, str]:
    groups = [f"{rng.randrange(0x2400, 0x2AFF):x}"]
    groups += [f"{rng.randrange(1, 0xFFFF):x}" for _ in range(7)]
    return ":".join(groups), 'host = "SECRET"'


MAKERS: dict[str, Maker] = {
    "aws_access_key": shaped("AKIA", 16, string.ascii_uppercase + string.digits),
    "aws_secret_key": shaped("", 40, ALNUM + "/+", 'aws_secret_access_key = "SECRET"'),
    "azure_storage_key": shaped("", 86, ALNUM + "/+", 'c = "AccountKey=SECRET=="'),
    "google_api_key": shaped("AIza", 35, URLSAFE),
    "github_token": shaped("ghp_", 36),
    "github_fine_token": shaped("github_pat_", 82),
    "gitlab_token": shaped("glpat-", 20, URLSAFE),
    "slack_token": lambda rng: (
        f"xoxb-{rng.randrange(10**11, 10**12)}-{rng.randrange(10**11, 10**12)}-"
        + "".join(rng.choices(ALNUM, k=24)),
        'bot = "SECRET"',
    ),
    "slack_webhook": lambda rng: (
        "T"
        + "".join(rng.choices(ALNUM, k=8))
        + "/B"
        + "".join(rng.choices(ALNUM, k=8))
        + "/"
        + "".join(rng.choices(ALNUM, k=24)),
        'hook = "https://hooks.slack.com/services/SECRET"',
    ),
    "stripe_key": shaped("sk_live_", 24),
    "square_key": shaped("sq0csp-", 43, URLSAFE),
    "openai_key": lambda rng: (
        "sk-" + "".join(rng.choices(ALNUM, k=20)) + "T3BlbkFJ" + "".join(rng.choices(ALNUM, k=20)),
        'ai = "SECRET"',
    ),
    "npm_token": shaped("npm_", 36, ALNUM, "# //registry.npmjs.org/:_authToken=SECRET"),
    "pypi_token": shaped("pypi-AgEIcHlwaS5vcmc", 90, URLSAFE),
    "sendgrid_key": lambda rng: (
        f"SG.{''.join(rng.choices(URLSAFE, k=22))}.{''.join(rng.choices(URLSAFE, k=43))}",
        'mailer = "SECRET"',
    ),
    "mailchimp_key": lambda rng: ("".join(rng.choices(HEX, k=32)) + "-us12", 'chimp = "SECRET"'),
    "twilio_key": shaped("SK", 32, HEX),
    "telegram_token": lambda rng: (
        f"{rng.randrange(10**9, 10**10)}:" + "".join(rng.choices(URLSAFE, k=35)),
        'bot = "SECRET"',
    ),
    "discord_token": lambda rng: (
        "M" + ".".join("".join(rng.choices(URLSAFE, k=k)) for k in (23, 6, 27)),
        'bot = "SECRET"',
    ),
    "artifactory_key": shaped("AKC", 69, ALNUM),
    "cloudant_password": shaped("", 64, HEX, 'cloudant_password = "SECRET"'),
    "ibm_api_key": shaped("", 44, URLSAFE, 'ibm_cloud_iam_api_key = "SECRET"'),
    "softlayer_key": shaped("", 64, HEX, 'softlayer_api_key = "SECRET"'),
    "jwt": _jwt,
    "private_key": _private_key,
    "url_password": shaped("", 14, ALNUM, 'url = "https://ada:SECRET@db.nowhere.org/x"'),
    "assigned_password": _password,
    "assigned_token": shaped("", 32, ALNUM, 'access_token = "SECRET"'),
    "assigned_secret": shaped("", 40, HEX, "CLIENT_SECRET = 'SECRET'"),
    "email": _email,
    "ipv4": _ipv4,
    "ipv6": _ipv6,
}
ADDRESSES = ("email", "ipv4", "ipv6")
KEYS = tuple(kind for kind in MAKERS if kind not in ADDRESSES)

if __name__ == "__main__":
    main()
