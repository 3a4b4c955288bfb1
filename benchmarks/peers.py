"""LiteLLM proxy in an environment of its own, made once in the user's cache folder."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

LITELLM = "litellm[proxy]>=1.100,!=1.82.7,!=1.82.8,!=1.107.*"
"""Releases 1.82.7, 1.82.8 and 1.107.* were compromised: they must never be installed."""


class PeerError(Exception):
    """A peer cannot be measured; the message says why."""


def cache_folder() -> Path:
    """Where environments of peers are kept from run to run."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "kagura-bench"


def litellm_environment() -> Path:
    """The folder of an environment that has LiteLLM proxy. Raises PeerError."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    key = hashlib.sha256(f"{LITELLM} {python}".encode()).hexdigest()[:12]
    folder = cache_folder() / f"litellm-{key}"
    done = folder / ".complete"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        for command in _commands(folder):
            _do(command)
        done.touch()
    return folder


def _commands(folder: Path) -> list[list[str]]:
    python = str(folder / "bin" / "python")
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv:
        return [
            [uv, "venv", "--quiet", "--python", sys.executable, str(folder)],
            [uv, "pip", "install", "--quiet", "--python", python, LITELLM],
        ]
    return [
        [sys.executable, "-m", "venv", str(folder)],
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", LITELLM],
    ]


def _do(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=900)
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout or "no output").strip().splitlines()
        raise PeerError(f"`{' '.join(command[:4])} …` failed: {lines[-1]}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerError(str(error)) from None


def version(environment: Path, package: str) -> str:
    """The installed version of a package."""
    script = f"import importlib.metadata as m; print(m.version({package!r}))"
    python = str(environment / "bin" / "python")
    return subprocess.run([python, "-c", script], check=True, capture_output=True, text=True).stdout.strip()
