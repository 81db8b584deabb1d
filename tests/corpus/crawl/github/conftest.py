"""Real repositories, a real git server on loopback, and the two ways to read what it serves."""

import contextlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
Git = Callable[..., str]


def run_git(folder: Path, *arguments: str, stdin: bytes = b"") -> str:
    environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", *IDENTITY, "-C", str(folder), *arguments]
    done = subprocess.run(command, env=environment, input=stdin, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture(scope="session")
def git() -> Git:
    """The function that runs git in a folder and returns what it prints."""
    return run_git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A working clone with every kind of file that git knows but a submodule."""
    folder = tmp_path / "served/octo/project"
    (folder / "src").mkdir(parents=True)
    run_git(folder, "init", "-q")
    run_git(folder, "config", "uploadpack.allowFilter", "true")
    run_git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    run_git(folder, "config", "http.receivepack", "false")
    (folder / "README.md").write_text("hello\r\n", newline="")
    (folder / "LICENSE").write_text("MIT")
    (folder / "src/main.c").write_text("int main;\n")
    (folder / "src.txt").write_text("sorted between\n")
    (folder / "empty").touch()
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "huge.txt").write_bytes(b"0123456789abcdef" * 4096)
    (folder / "d" / ("long" * 30) / ("name" * 40)).mkdir(parents=True)
    (folder / "d" / ("long" * 30) / ("name" * 40) / "deep.txt").write_text("deep\n")
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9")).write_text("latin\n")
    run_git(folder, "add", "-A", "-f")
    run_git(folder, "commit", "-q", "-m", "x")
    return folder


class GitServer(ThreadingHTTPServer):
    """Serves the repositories below a folder by git's own CGI program."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = root
        self.released = threading.Event()
        self.paths: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: GitServer

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes) -> None:
        self.server.paths.append(self.path)
        first = self.path.split("/")[1]
        if first == "moved":
            self.send_response(301)
            self.send_header("Location", self.path.replace("/moved/", "/octo/", 1))
            self.end_headers()
        elif first in ("401", "429", "500"):
            self.send_response(int(first))
            self.end_headers()
        elif first == "slow":
            self.server.released.wait(30)
        else:
            self._run_git(body)

    def _run_git(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        command = ["git", "http-backend"]
        done = subprocess.run(command, env=environment, input=body, capture_output=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the client was killed
            self.wfile.write(content)


@pytest.fixture
def git_server(tmp_path: Path) -> Iterator[GitServer]:
    """A git server over the folder `served`."""
    (tmp_path / "served").mkdir(exist_ok=True)
    with GitServer(tmp_path / "served") as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()
