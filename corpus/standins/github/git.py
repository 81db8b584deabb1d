"""How the stand-in runs git: without the machine's settings, hooks or prompts."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

_SETTINGS = {
    "safe.directory": "*",
    "core.hooksPath": os.devnull,
    "uploadpack.allowFilter": "true",
    "uploadpack.allowAnySHA1InWant": "true",
    "http.receivepack": "false",
}


def git_environment() -> dict[str, str]:
    """Return an environment in which git reads nothing of the machine's or the user's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    settings = {"GIT_CONFIG_COUNT": str(len(_SETTINGS))}
    for index, (key, value) in enumerate(_SETTINGS.items()):
        settings[f"GIT_CONFIG_KEY_{index}"] = key
        settings[f"GIT_CONFIG_VALUE_{index}"] = value
    return (
        kept
        | settings
        | {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "HOME": os.devnull,
            "XDG_CONFIG_HOME": os.devnull,
            "LC_ALL": "C",
        }
    )


@asynccontextmanager
async def running_git(
    *arguments: str | Path, environment: dict[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Give a git with pipes for its input and output, which has ended afterwards."""
    process = await asyncio.create_subprocess_exec(
        "git",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=git_environment() | (environment or {}),
    )
    assert process.stdout is not None
    try:
        yield process
    except BaseException:
        # Only here: a signal first looks whether the child has ended, and takes its exit status
        # away from the event loop.
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        raise
    finally:
        await process.stdout.read()  # a pipe that still holds bytes would not be closed
        await process.wait()
