"""The relay's side: the worker process, started with the first call that needs it and again should it die."""

import asyncio
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from kagura.proxy.dial import Origin
from kagura.proxy.wire import Connection, UpstreamError

ORIGIN = Origin("unix", "litellm", 0)
"""Where translated calls go."""
INSTALL = "pip install 'kagura[litellm]'"
_BACKLOG = 512
_COMPROMISED = re.compile(r"1\.82\.[78]|1\.107\..*")
"""Releases that stole keys."""
_WORKER_ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
    "LITELLM_LOCAL_AUTOROUTER_PRESETS": "True",
    "LITELLM_LOG": "ERROR",
    "LITELLM_MODE": "PRODUCTION",
}
"""Nothing is fetched at import, little is logged, and no `.env` of the working directory is read."""


class Translator:
    """Connections to the worker. Nothing is started before the first."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None

    async def open(self) -> Connection:
        """A fresh connection. Raises UpstreamError where there is no worker to be had.

        The worker's socket listens before its process has begun: the first calls wait in it.
        """
        try:
            if not self._is_there():
                self._start()
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_unix_connection(Connection, str(self._path))
        except OSError as error:
            reason = f"the translator cannot be started: {error.strerror or error}"
            raise UpstreamError(502, "translation_failed", reason) from None
        return connection

    def close(self) -> None:
        """End the worker."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdin:
                self._process.stdin.close()
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _is_there(self) -> bool:
        """Whether the worker lives and its socket has not been cleaned away with other old files of the machine's."""
        return self._process is not None and self._process.poll() is None and self._path.exists()

    @property
    def _path(self) -> Path:
        assert self._folder is not None
        return self._folder / "translation"

    def _start(self) -> None:
        check_installed()
        self.close()
        self._folder = Path(tempfile.mkdtemp(prefix="kagura-"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(str(self._path))
            listener.listen(_BACKLOG)
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "kagura.proxy.translation", str(listener.fileno())],
                env={**self._environ, **_WORKER_ENVIRONMENT},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=(listener.fileno(),),
                start_new_session=True,
            )


def check_installed() -> None:
    """Raise UpstreamError where LiteLLM is not installed, or in a release that must not run; imports nothing of it."""
    from importlib import metadata

    try:
        version = metadata.version("litellm")
    except metadata.PackageNotFoundError:
        message = f"its API is not OpenAI's, and LiteLLM, which would translate, is not installed: {INSTALL}"
        raise UpstreamError(501, "translation_unavailable", message) from None
    if _COMPROMISED.fullmatch(version):
        message = f"release {version} of LiteLLM was compromised and is not run: {INSTALL} --upgrade"
        raise UpstreamError(501, "translation_unavailable", message)
