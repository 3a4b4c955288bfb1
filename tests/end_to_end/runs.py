"""`kagura run` as a user types it, and what is recorded of it."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.clients import openai_dialogue
from tests.clients.installed import PATIENCE, exported, kagura

CALL = """
import json, os, sys, urllib.request
body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": sys.argv[1]}]}
request = urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/chat/completions", json.dumps(body).encode())
request.add_header("content-type", "application/json")
print(json.load(urllib.request.urlopen(request))["choices"][0]["message"]["content"])
"""
"""A program that asks once, with nothing but the standard library."""
ANSWER = openai_dialogue.chat({"content": "from OpenAI"})


def run(*arguments: str, env: dict[str, str], **more: Any) -> subprocess.CompletedProcess[str]:
    return kagura("run", *arguments, env=env, **more)


def python(code: str, *arguments: str) -> list[str]:
    return ["--", sys.executable, "-c", code, *arguments]


def recorded(home: Path, id_: str) -> dict[str, Any]:
    """What is recorded of a run that has ended."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = [row for row in exported(home, "--executions") if row["id"] == id_]
        if found and found[0]["status"] != "running":
            return found[0]
        time.sleep(0.03)
    raise AssertionError(f"{id_} is not in the store")
