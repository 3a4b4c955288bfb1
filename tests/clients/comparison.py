"""Do the same thing twice, straight to the provider and through kagura, and hold the two against each other."""

import re
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Generic, NamedTuple, TypeVar

from tests.clients.installed import Proxy
from tests.clients.upstream import Answer, Received, Script, Upstream

T = TypeVar("T")

ONE_CONNECTION = {"host", "connection", "content-length", "transfer-encoding"}
"""Headers that belong to a connection, or are said anew for it."""
USAGE_ASKED = b'{"stream_options":{"include_usage":true},'
_BOUNDARY = re.compile(r"boundary=([^;]+)")


class Seen(NamedTuple, Generic[T]):
    """What came of it."""

    result: T
    """What the client got, the same both times."""
    requests: list[Received]
    """What the provider got through kagura."""
    calls: list[dict[str, Any]]
    """What kagura recorded."""

    @property
    def call(self) -> dict[str, Any]:
        (only,) = self.calls
        return only


class Both:
    """Runs a client against a script, without and with kagura between them."""

    def __init__(self, upstream: Upstream, proxy: Proxy) -> None:
        self._upstream, self._proxy = upstream, proxy

    def __call__(
        self, answers: list[Answer | Script], use: Callable[[str], T], *, asks_usage: bool = False, below: str = ""
    ) -> Seen[T]:
        """`use` gets the address that stands for the provider's; what it gives is compared.

        `asks_usage` says that kagura is to add `include_usage` to the requests, and nothing else; `below` is the
        provider's place in kagura's addresses, such as `/bedrock`.
        """
        direct, straight = self._take(answers, use(self._begin(answers, self._upstream.url)))
        proxied, through = self._take(answers, use(self._begin(answers, self._proxy.root + below)))
        return self._hold(direct, proxied, straight, through, asks_usage)

    async def awaited(
        self,
        answers: list[Answer | Script],
        use: Callable[[str], Awaitable[T]],
        *,
        asks_usage: bool = False,
        in_order: bool = True,
    ) -> Seen[T]:
        """The same for asynchronous clients; `in_order` says that their requests come one after the other."""
        direct, straight = self._take(answers, await use(self._begin(answers, self._upstream.url)))
        proxied, through = self._take(answers, await use(self._begin(answers, self._proxy.root)))
        if not in_order:
            straight, through = sorted(straight, key=_own_body), sorted(through, key=_own_body)
        return self._hold(direct, proxied, straight, through, asks_usage)

    def _begin(self, answers: list[Answer | Script], root: str) -> str:
        self._upstream.plays(*answers)
        return root

    def _take(self, answers: list[Answer | Script], result: T) -> tuple[T, list[Received]]:
        assert len(self._upstream.requests) == len(answers)
        return result, self._upstream.requests

    def _hold(
        self, direct: T, proxied: T, straight: list[Received], through: list[Received], asks_usage: bool
    ) -> Seen[T]:
        assert proxied == direct
        for one, other in zip(straight, through, strict=True):
            assert other.line == one.line
            assert end_to_end(other) == end_to_end(one)
            body = plain_body(one)
            assert plain_body(other) == (USAGE_ASKED + body[1:] if asks_usage else body)
        return Seen(proxied, through, self._proxy.calls(len(through)))


def _own_body(request: Received) -> bytes:
    """A body without what kagura may have added."""
    return request.body.removeprefix(USAGE_ASKED).removeprefix(b"{")


def end_to_end(request: Received) -> list[tuple[str, str]]:
    """The header lines that reach the provider whoever stands between."""
    return [
        (name, _BOUNDARY.sub("boundary=…", value))
        for name, value in request.headers
        if name not in ONE_CONNECTION and not name.startswith("x-kagura-")
    ]


def plain_body(request: Received) -> bytes:
    """The body; a multipart boundary, which is random, is replaced."""
    boundary = _BOUNDARY.search(request.header("content-type"))
    return request.body.replace(boundary[1].encode(), b"...") if boundary else request.body


def bill(*lines: tuple[int, str]) -> Decimal:
    """US dollars of so many tokens at so many dollars a million."""
    return sum((tokens * Decimal(rate) for tokens, rate in lines), Decimal(0)) / 1_000_000


def cost(call: dict[str, Any]) -> Decimal:
    """What kagura says a call cost."""
    assert call["cost_usd"] is not None, call
    assert call["cost_source"] == "catalog"
    return Decimal(call["cost_usd"])
