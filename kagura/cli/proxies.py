"""The proxy of a run: the one that listens, one elsewhere, or one of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from kagura.cli.addresses import asked_health, health, proxy_url
from kagura.cli.collecting import child_environment
from kagura.config import Settings
from kagura.errors import InputError, ProxyError


class RunProxy(NamedTuple):
    """The proxy that a run's calls go through."""

    root: str
    is_remote: bool
    """Whether it writes to a store that is not the one of our settings."""
    lifeline: int | None = None
    """What the program must hold open for the proxy to stay, whatever becomes of us."""


def attached(url: str, settings: Settings) -> RunProxy:
    """The proxy at an address that the user names. Raises InputError where none answers there."""
    root, said = named_proxy(url)
    return RunProxy(root, is_remote=not _writes_here(said, settings))


def named_proxy(url: str) -> tuple[str, Mapping[str, object]]:
    """The address that `--attach` names, and what its `/kagura/health` says. Raises InputError where none answers."""
    parts = _address(url if "://" in url else f"http://{url}")
    if parts is None:
        raise InputError(f"--attach {url!r} is no address", "Such as --attach http://kagura.example:4100.")
    root = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    try:
        said = asked_health(root)
    except OSError as error:
        from kagura.dashboard.tui.remote import unreached

        remedy = f"Does it run, and can this machine reach {parts.netloc}?"
        raise InputError(*unreached(root, getattr(error, "reason", error), remedy)) from None
    if not said:
        raise InputError(
            f"what answers at {root} does not say that it is kagura",
            f"If it is, name {parts.hostname} in its `proxy.allowed_hosts`.",
        )
    return root, said


def _address(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        return parts if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 else None
    except ValueError:
        return None


def view_key(settings: Settings, variable: str | None = None) -> str:
    """What opens the records of a proxy elsewhere. Raises InputError where the variable that is named is not set."""
    if variable is None:
        return settings.proxy.view_key
    key = os.environ.get(variable, "").strip()
    if not key or not (key.isascii() and key.isprintable()):
        raise InputError(f"--attach-key-env {variable}: holds no key", "It names the variable, and is not the key.")
    return key


@contextmanager
def found_or_started(
    settings: Settings, environment: Mapping[str, str], gateways: Mapping[str, str]
) -> Iterator[RunProxy]:
    """The proxy that listens for these settings, or one that is started for the block.

    `gateways` are addresses of providers for this run alone: they need a proxy of its own.
    """
    root = None if gateways else _listening_for(settings)
    if root:
        yield RunProxy(root, is_remote=False)
        return
    extra = {}
    if gateways:
        rows = {name: row.given() for name, row in settings.providers.items()}
        for name, url in gateways.items():
            rows[name] = rows.get(name, {}) | {"base_url": url}
        extra["KAGURA_PROVIDERS"] = json.dumps(rows)
    with started_proxy(child_environment(settings, environment) | extra) as started:
        yield RunProxy(started.root, is_remote=False, lifeline=started.lifeline)


def _listening_for(settings: Settings) -> str | None:
    """The proxy of these settings: the one of a run around this one, or the one on the configured port."""
    for root in filter(None, (os.environ.get("KAGURA_PROXY"), proxy_url(settings))):
        said = health(root)
        if said and _writes_here(said, settings):
            return root
    return None


def _writes_here(said: Mapping[str, object], settings: Settings) -> bool:
    """Whether a proxy that answered is a process of this machine and keeps its records where we look."""
    pid = said.get("pid")
    return said.get("home") == str(settings.home) and isinstance(pid, int) and _is_kagura(pid)


def _is_kagura(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


class StartedProxy(NamedTuple):
    """A proxy that was started for a block."""

    root: str
    lifeline: int
    """A file descriptor: the proxy ends when no process holds it open any more, however they ended."""


@contextmanager
def started_proxy(environment: Mapping[str, str]) -> Iterator[StartedProxy]:
    """A proxy of its own on a free port for the block."""
    command = [sys.executable, "-P", "-m", "kagura", "proxy", "--host", "127.0.0.1", "--port", "0", "--until-eof"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
    ) as process:
        assert process.stdin is not None
        try:
            yield StartedProxy(_listening(process), process.stdin.fileno())
        finally:
            process.send_signal(signal.SIGTERM)


def _listening(process: subprocess.Popen[bytes]) -> str:
    """Wait for the line with which a new proxy says where it listens."""
    assert process.stdout is not None
    for line in process.stdout:
        words = line.decode().split()
        if words[:3] == ["kagura", "listens", "on"]:
            return words[3]
    raise ProxyError("the proxy for this run did not start", "`kagura proxy` shows why.")
