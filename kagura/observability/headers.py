"""The headers by which a call of the proxy finds its place below the span that made it."""

from collections.abc import Collection
from urllib.parse import SplitResult, quote, urlsplit

from kagura.observability.context import Scope
from kagura.observability.recorder import recorder
from kagura.otel.outgoing_ids import root_id_of, trace_id_of

EXECUTION = "X-Kagura-Execution-Id"
ENCODED = "UTF-8''"
"""Begins a value that is percent-encoded."""
_LOOPBACK = frozenset(("127.0.0.1", "localhost", "::1", "0.0.0.0"))  # noqa: S104
_PORTS = {"http": 80, "https": 443}
Origin = tuple[str, int | None]


def headers_of(scope: Scope) -> dict[str, str]:
    """The headers of a scope. Text that no header can carry as it is goes in percent-encoded UTF-8 (RFC 8187)."""
    run, span_id = scope
    found = {
        EXECUTION: run.id,
        "X-Kagura-Agent": run.agent,
        "X-Kagura-Session-Id": run.session_id,
        "X-Kagura-User": run.user,
        "X-Kagura-Parent-Id": span_id,
        "traceparent": f"00-{trace_id_of(run.id)}-{span_id or root_id_of(run.id)}-01",
    }
    return {name: _header(value) for name, value in found.items() if value}


def _header(value: str) -> str:
    return value if value.isascii() and value.isprintable() else ENCODED + quote(value, safe="", errors="replace")


def origin(address: SplitResult) -> Origin:
    """Host and port of an address; all names of this machine are one."""
    host = (address.hostname or "").lower()
    return "loopback" if host in _LOOPBACK else host, address.port or _PORTS.get(address.scheme)


class Propagation:
    """Decides which requests carry headers, and which ones."""

    def __init__(self) -> None:
        self._of: object = None
        self._origin: Origin | None = None

    def proxy_origin(self) -> Origin:
        """Host and port of the proxy: `KAGURA_PROXY`, else where the settings let it listen."""
        reporter = recorder.reporter()
        if self._of is not reporter or self._origin is None:
            settings = recorder.settings().proxy
            host = f"[{settings.host}]" if ":" in settings.host else settings.host
            self._origin = origin(urlsplit(recorder.proxy or f"http://{host}:{settings.port}"))
            self._of = reporter
        return self._origin

    def headers_for(self, url: str, given: Collection[tuple[str, str]]) -> dict[str, str]:
        """What to add to a request to `url` that has the headers `given`; nothing where it goes past the proxy.

        A request that names its execution itself keeps what it says; what `kagura run` put there counts as not said.
        """
        scope = recorder.scope() if recorder.on else None
        if scope is None or origin(urlsplit(url)) != self.proxy_origin():
            return {}
        said = {name.lower(): value for name, value in given}
        named = said.get(EXECUTION.lower())
        if named is not None and named != (recorder.ambient.run.id if recorder.ambient else None):
            return {}
        found = headers_of(scope)
        if "traceparent" in said:
            found.pop("traceparent", None)
        return found


propagation = Propagation()
"""The propagation of this process."""
