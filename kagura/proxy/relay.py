"""The relay: bytes in, bytes out, and a copy for the journal. Pure ASGI.

A request walks: route (routes.py), model name (models.py), include-usage, start in the journal, provider, answer
chunk by chunk, end in the journal, last byte.
"""

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from kagura.config import Settings
from kagura.errors import ConfigError
from kagura.model import Labels, new_span_id, now_us
from kagura.providers import Provider, error_body
from kagura.providers.realtime import PROTOCOLS, Protocol
from kagura.proxy import asgi
from kagura.proxy.call import Call, Plan
from kagura.proxy.credentials import Credentials
from kagura.proxy.dial import Dialer, origin_of, unusable_proxies
from kagura.proxy.headers import NOT_SWITCHING, SWITCHING
from kagura.proxy.hosts import HostGuard
from kagura.proxy.include_usage import with_usage_asked
from kagura.proxy.intake import Intake
from kagura.proxy.labels import read_labels
from kagura.proxy.metrics import Metrics
from kagura.proxy.models import ModelNames
from kagura.proxy.recorder import Recorder
from kagura.proxy.requests import framing, opening, query_without_key
from kagura.proxy.routes import USAGE_ON_DEMAND, Refusal, Route, Router
from kagura.proxy.switching import EXTENSION, Switching
from kagura.proxy.translation.order import order_for
from kagura.proxy.translation.translator import ORIGIN as TRANSLATION
from kagura.proxy.translation.translator import Translator
from kagura.proxy.upstream import UpstreamClient

if TYPE_CHECKING:
    from kagura.proxy.upgrade import Upgrade

_log = logging.getLogger("kagura.proxy")
WEBSOCKET = Refusal(
    426, "websocket_unsupported", "Only …/responses and …/realtime speak over websockets: use plain HTTP."
)
KNOWN_HEADS = 256
"""Requests whose head is known: a client's calls differ in their bodies, hardly ever in what stands before them."""
FOREIGN = "Calls that carry the proxy's own key are not open to web pages of other hosts."


class Known(NamedTuple):
    """What a request's line and headers say, whatever its body holds."""

    route: Route
    inspected: bool
    """Whether the body must be read before it is known where the call goes."""
    confided: bool
    """Whether the call may carry what is the proxy's own."""
    plan: Plan
    """Its head lacks the framing."""
    labels: Labels
    ignored: int


class Relay:
    """Sends each call to its provider and the answer back."""

    def __init__(
        self,
        settings: Settings,
        table: Mapping[str, Provider],
        recorder: Recorder,
        metrics: Metrics,
        *,
        guard: HostGuard,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], int] = now_us,
        new_id: Callable[[], str] = new_span_id,
    ) -> None:
        if settings.default_provider not in table:
            known = ", ".join(sorted(table))
            raise ConfigError(f"default_provider: no provider {settings.default_provider!r}", f"Known: {known}.")
        self._settings = settings
        self._recorder = recorder
        self._metrics = metrics
        self._guard = guard
        self._clock = clock
        self._new_id = new_id
        self._router = Router(table, settings.default_provider)
        self._models = ModelNames(self._router, settings.models)
        self._credentials = Credentials(settings, table, environ)
        self._origins = {n: origin_of(row.base_url, environ) for n, row in table.items() if row.base_url}
        for proxy in unusable_proxies(environ):
            _log.error("%s is not used: only http:// and https:// proxies are, calls go STRAIGHT to providers", proxy)
        self._translator = Translator(environ)
        dialer = Dialer(settings.proxy.connect_timeout, doors={TRANSLATION: self._translator.open})
        self._client = UpstreamClient(dialer, settings.proxy.read_timeout)
        self._known = lru_cache(maxsize=KNOWN_HEADS)(self._know)

    def close(self) -> None:
        """Break off the idle connections to providers, and end the translator."""
        self._client.close()
        self._translator.close()

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        """Relay one request."""
        received_at = self._clock()
        clock = _steady(received_at)
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if headers.get(b"upgrade", b"").lower() == b"websocket":
            await self._upgrade(scope, receive, send, headers, received_at)
            return
        lines = tuple(line for line in scope["headers"] if line[0] != b"content-length")
        known = self._known(scope["method"], asgi.raw_path(scope), scope["query_string"], lines)
        if isinstance(known, Refusal):
            await self._refuse(send, known)
            return
        intake = Intake(receive, headers, self._settings.capture.max_body, scope.get("extensions", {}))
        if known.inspected and not await intake.gather(self._settings.proxy.inspect_limit):
            return
        decided = self._decide(known.route, intake)
        if isinstance(decided, Refusal):
            await self._refuse(send, decided)
            return
        target, usage_asked = decided
        rerouted = target.provider is not known.route.provider
        if not (self._may_confide(target, headers, rerouted=True) if rerouted else known.confided):
            await self._refuse(send, Refusal(403, "foreign_origin", FOREIGN, target.dialect))
            return
        plan = known.plan
        if target is not known.route:
            plan = self._plan(scope["method"], target, lines, headers, rerouted=rerouted)
        plan = plan._replace(head=plan.head + framing(intake))
        self._metrics.labels_ignored += known.ignored
        call = Call(plan, intake, send, self._client, self._recorder, self._metrics, clock)
        await call.run(self._new_id(), received_at, known.labels, scope["headers"], usage_asked=usage_asked)

    def _know(self, method: str, path: bytes, query: bytes, lines: tuple[tuple[bytes, bytes], ...]) -> Known | Refusal:
        """All that does not depend on the body; `lines` are the headers without the body's length."""
        headers = dict(lines)
        route = self._router.route(method, path.decode("latin-1"), query.decode("latin-1"), headers)
        if isinstance(route, Refusal):
            return route
        labels, ignored = read_labels(headers, route.tags)
        return Known(
            route,
            self._is_inspected(route, headers),
            self._may_confide(route, headers, rerouted=False),
            self._plan(method, route, lines, headers, rerouted=False),
            labels,
            ignored,
        )

    async def _upgrade(
        self,
        scope: asgi.Scope,
        receive: asgi.Receive,
        send: asgi.Send,
        headers: Mapping[bytes, bytes],
        received_at: int,
    ) -> None:
        """Relay a websocket, where the endpoint speaks over them and the server can hand its connection over."""
        client = scope.get("extensions", {}).get(EXTENSION)
        path, query = asgi.raw_path(scope).decode("latin-1"), scope["query_string"].decode("latin-1")
        route = self._router.route(scope["method"], path, query, headers)
        protocol = None if isinstance(route, Refusal) or route.translated else PROTOCOLS.get(route.endpoint)
        if client is None or scope["method"] != "GET" or isinstance(route, Refusal) or protocol is None:
            await self._refuse(send, WEBSOCKET)
            return
        if not self._may_confide(route, headers, rerouted=False):
            await self._refuse(send, Refusal(403, "foreign_origin", FOREIGN, route.dialect))
            return
        plan = self._plan(scope["method"], route, scope["headers"], headers, rerouted=False, more=SWITCHING)
        plan = plan._replace(head=plan.head + framing(Intake(receive, {}, 0)))
        labels, ignored = read_labels(headers, route.tags)
        self._metrics.labels_ignored += ignored
        await self._new_upgrade(plan, protocol, client, send).run(received_at, labels, scope["headers"])

    def _new_upgrade(self, plan: Plan, protocol: Protocol, client: Switching, send: asgi.Send) -> "Upgrade":
        """The `websockets` library takes a while to import: only who uses one waits for it."""
        from kagura.proxy.upgrade import House, Upgrade

        settings = self._settings
        house = House(
            self._client,
            self._recorder,
            self._metrics,
            self._clock,
            self._new_id,
            capture_limit=settings.capture.max_body,
            message_limit=settings.proxy.inspect_limit,
        )
        return Upgrade(plan, protocol, client, send, house)

    def _is_inspected(self, route: Route, headers: Mapping[bytes, bytes]) -> bool:
        wanted = self._models.concerns(route) or (route.provider.include_usage and route.endpoint in USAGE_ON_DEMAND)
        return wanted and b"json" in headers.get(b"content-type", b"") and b"content-encoding" not in headers

    def _decide(self, route: Route, intake: Intake) -> tuple[Route, bool] | Refusal:
        """The final route, with the body spliced where that is due, and whether usage was asked for."""
        body = intake.whole
        if body is None:
            return route, False
        target = route
        if self._models.concerns(route):
            found, body = self._models.apply(route, body)
            if isinstance(found, Refusal):
                return found
            target = found
        asked = None
        if target.provider.include_usage and target.endpoint in USAGE_ON_DEMAND:
            asked = with_usage_asked(body)
        intake.outgoing = asked or body
        return target, asked is not None

    def _may_confide(self, route: Route, headers: Mapping[bytes, bytes], *, rerouted: bool) -> bool:
        if not self._credentials.confides(route.provider.name, rerouted=rerouted):
            return True
        host_known = not self._guard.bound_to_loopback or self._guard.knows_host(headers.get(b"host"))
        return host_known and self._guard.knows_origin(headers.get(b"origin"))

    def _plan(
        self,
        method: str,
        route: Route,
        lines: Sequence[tuple[bytes, bytes]],
        headers: Mapping[bytes, bytes],
        *,
        rerouted: bool,
        more: Sequence[tuple[bytes, bytes]] = (),
    ) -> Plan:
        """Where the call goes, and the head of what is sent up to its framing, `more` header lines included."""
        key = self._credentials.key(route.provider.name, rerouted=rerouted)
        rest = query_without_key(route.rest) if key else route.rest
        extra = [line for line in self._credentials.added(route.provider.name) if line[0] not in headers]
        extra += more
        if route.translated:
            signed = key is None and self._credentials.of_cloud(route.provider.name)
            origin, base_url, extra = TRANSLATION, "", [order_for(route.provider, signed=signed).line()]
        else:
            origin, base_url = self._origins[route.provider.name], route.provider.base_url or ""
        target, head = opening(method, base_url, rest, origin, lines, key, extra)
        return Plan(route.provider.name, route.dialect, method, target, origin, head)

    async def _refuse(self, send: asgi.Send, refusal: Refusal) -> None:
        self._metrics.calls["none", "refused"] += 1
        data, content_type = error_body(refusal.dialect, refusal.status, refusal.code, refusal.message)
        headers = [(b"content-type", content_type.encode()), (b"content-length", b"%d" % len(data))]
        if refusal.status == 426:
            headers += NOT_SWITCHING
        await asgi.start(send, refusal.status, headers)
        await asgi.body(send, data, more=False)


def _steady(instant: int) -> Callable[[], int]:
    """A clock that shows `instant` now and that nobody sets: no call may end before it began."""
    offset = instant - time.monotonic_ns() // 1000
    return lambda: offset + time.monotonic_ns() // 1000
