"""A feed whose answers a proxy elsewhere gives: the questions of the screen, sent over HTTP."""

import http.client
import json
import secrets
import socket
import ssl
import threading
from contextlib import suppress
from urllib.parse import urlsplit

import msgspec

from kagura.dashboard.text import safe
from kagura.dashboard.tui.feed import UPDATE, Reply
from kagura.errors import ProxyError
from kagura.store.questions import Failed, OpenRun, Question

SECONDS = 20.0
"""How long an answer may take."""
MAX_REPLY = 64 * 1024 * 1024
_MEDIA_TYPE = "application/x-msgpack"
_AGAIN = "It is asked again and again."
_TOLD = 300
"""Characters of what a stranger's answer says."""


class RefusedError(ProxyError):
    """The proxy does not show its records: asking again does not help."""

    exit_code = 2


def unreached(root: str, error: Exception, remedy: str) -> tuple[str, str]:
    """What is wrong where a proxy does not answer, and what to do about it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        said = f"the certificate of {root} is not trusted: {safe(error.verify_message)[:_TOLD]}"
        return said, "SSL_CERT_FILE names the file with the certificate of a private CA."
    if isinstance(error, ssl.SSLError):
        return f"what answers at {root} speaks no TLS", "Is it http:// instead of https://?"
    reason = safe(str(getattr(error, "strerror", None) or error or type(error).__name__))[:_TOLD]
    return f"{root} does not answer: {reason}", remedy


class RemoteFeed:
    """Asks `POST /kagura/v1/view` of the proxy at `root`; a lost connection is made anew with the next question.

    `viewer` names the reader that answers there: one of its own for each monitor, or a shared one. `remedy` is said
    where the proxy does not answer.
    """

    def __init__(self, root: str, key: str = "", viewer: str | None = None, remedy: str = _AGAIN) -> None:
        self.root, self._remedy = root, remedy
        parts = urlsplit(root)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=SECONDS)
        self._path = f"{parts.path}/kagura/v1/view"
        self._headers = {
            "Content-Type": _MEDIA_TYPE,
            "Kagura-Viewer": secrets.token_hex(8) if viewer is None else viewer,
        }
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._turn = threading.Lock()
        self._decoder = msgspec.msgpack.Decoder(Reply)

    def ask(self, question: Question) -> Reply:
        """The reply to one question; what is wrong with the way to the proxy is one as well."""
        try:
            return self.told(question)
        except ProxyError as error:
            return Reply(answer=Failed(message=error.message, remedy=error.remedy))

    def check(self) -> None:
        """Raise ProxyError where this proxy will not answer questions, however often it is asked."""
        try:
            self.told(OpenRun(id=""))
        except RefusedError:
            raise
        except ProxyError:
            return

    def told(self, question: Question) -> Reply:
        """The reply to one question. Raises ProxyError where the way to the proxy is barred."""
        with self._turn:
            status, data = self._exchange(msgspec.msgpack.encode(question))
        if status != http.client.OK:
            raise self._error(status, data)
        try:
            return self._decoder.decode(data)
        except msgspec.MsgspecError:
            raise ProxyError(f"the answer of {self.root} is not understood", UPDATE) from None

    def _exchange(self, question: bytes) -> tuple[int, bytes]:
        for is_last in (False, True):
            was_open = self._connection.sock is not None
            try:
                self._connection.request("POST", self._path, question, self._headers)
                answer = self._connection.getresponse()
                data = answer.read(MAX_REPLY + 1)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                # One that was kept open may have been closed there meanwhile: that says nothing about the proxy.
                if was_open and not is_last and not isinstance(error, TimeoutError):
                    continue
                raise ProxyError(*unreached(self.root, error, self._remedy)) from None
            if len(data) > MAX_REPLY:
                self._connection.close()
                raise ProxyError(f"the answer of {self.root} is too large", "A filter makes it smaller.")
            return answer.status, data
        raise AssertionError("the second try returns or raises")

    def _error(self, status: int, data: bytes) -> ProxyError:
        try:
            found = json.loads(data)
        except ValueError:
            found = None
        said = safe(str(found["error"]))[:_TOLD] if isinstance(found, dict) and "error" in found else ""
        if status in (401, 403):
            return RefusedError(f"{self.root} does not show its records", said or f"It answers {status}.")
        if status in (404, 405):
            return RefusedError(f"the kagura at {self.root} cannot be asked from elsewhere", UPDATE)
        return ProxyError(f"{self.root} answers {status}", said)

    def close(self) -> None:
        """Hang up; a question that is still being answered is given up."""
        line = self._connection.sock
        if line is not None:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        if self._turn.acquire(timeout=1):
            self._connection.close()
            self._turn.release()
