"""Clients that ask once, or keep a proxy busy, note what they saw and stop for nothing."""

import asyncio
import itertools
import json
import urllib.request
from pathlib import Path
from typing import Any

from tests.clients import openai_dialogue as say
from tests.clients.installed import Proxy
from tests.clients.upstream import Answer, Received, events, said

PAUSE = 0.005
"""Seconds between the pieces of an answer, so that a kill falls into the midst of some."""
AGAIN = 0.05
"""Seconds before a client tries again where nobody listens."""


def input_tokens(number: int) -> int:
    """What the answer to the request of this number counts: no two are alike."""
    return 1000 + number


def numbered(request: Received) -> Answer:
    """The provider's answer: its token count tells which request it belongs to."""
    asked = request.json
    usage = {"prompt_tokens": input_tokens(asked["seed"]), "completion_tokens": 7}
    head: dict[str, Any] = {"id": "chatcmpl-1", "model": say.SERVED}
    if not asked["stream"]:
        choice = {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
        return said(head | {"choices": [choice], "usage": usage}, pause=PAUSE)
    words = [head | {"choices": [{"index": 0, "delta": {"content": word}}]} for word in "abcdef"]
    end = head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return events(say.sse(*words, end, head | {"choices": [], "usage": usage}), pause=PAUSE)


def ask(root: str) -> bytes:
    """One chat completion, raw."""
    body = json.dumps({"model": say.ASKED, "messages": []}).encode()
    request = urllib.request.Request(f"{root}/v1/chat/completions", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return bytes(answer.read())


def collectors(proxy: Proxy) -> list[int]:
    """The collector processes that a relay has started."""
    folders = Path(f"/proc/{proxy.process.pid}/task").iterdir()
    return [int(pid) for folder in folders for pid in (folder / "children").read_text().split()]


class Load:
    """So many clients at a time, every other request streamed."""

    def __init__(self, port: int, clients: int = 8) -> None:
        self._port, self._clients = port, clients
        self._numbers = itertools.count()
        self._stopping = False
        self.whole: dict[str, int] = {}
        """Call id → request number, where the client read the answer to its end."""
        self.begun: dict[str, int] = {}
        """The same where it got the head of an answer and no end."""
        self.refused = 0
        """Requests that got no answer at all."""

    async def run(self, until: asyncio.Event) -> None:
        """Ask and ask until the event is set; then let the last answers come."""
        stop = asyncio.create_task(self._stop(until))
        await asyncio.gather(*(self._client() for _ in range(self._clients)))
        await stop

    async def _stop(self, until: asyncio.Event) -> None:
        await until.wait()
        self._stopping = True

    async def _client(self) -> None:
        while not self._stopping:
            number = next(self._numbers)
            seen: dict[str, str] = {}
            try:
                await self._ask(number, seen)
                self.whole[seen["id"]] = number
            except (OSError, asyncio.IncompleteReadError):
                if "id" in seen:
                    self.begun[seen["id"]] = number
                else:
                    self.refused += 1
                await asyncio.sleep(AGAIN)

    async def _ask(self, number: int, seen: dict[str, str]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            asked = {"model": say.ASKED, "seed": number, "stream": number % 2 == 1, "messages": []}
            body = json.dumps(asked | {"stream_options": {"include_usage": True}}).encode()
            writer.write(
                b"POST /agent/load/v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n"
                b"content-type: application/json\r\nx-kagura-tags: number=%d\r\ncontent-length: %d\r\n\r\n%b"
                % (number, len(body), body)
            )
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2])
            seen["id"] = headers["x-kagura-call-id"]
            if "content-length" in headers:
                await reader.readexactly(int(headers["content-length"]))
            else:
                await reader.readuntil(b"\r\n0\r\n\r\n")
        finally:
            writer.close()
