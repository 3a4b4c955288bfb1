"""The proxy's own endpoints, `/kagura/…`: health, metrics, and the door for events."""

from collections.abc import Awaitable, Callable
from os import getpid

import msgspec
from fastapi import FastAPI, Request, Response

from kagura import __version__
from kagura.config import Settings
from kagura.journal import collector_runs, waiting_bytes
from kagura.model import Event
from kagura.proxy import otlp, view
from kagura.proxy.hosts import HostGuard
from kagura.proxy.metrics import Metrics, exposition
from kagura.proxy.readers import Readers
from kagura.proxy.recorder import Recorder

MAX_EVENTS_BODY = 16 * 1024 * 1024
"""Bytes of one POST of events."""
RETRY_SECONDS = 5
_EVENTS = msgspec.json.Decoder(list[Event])


def create_api(settings: Settings, recorder: Recorder, metrics: Metrics, guard: HostGuard, readers: Readers) -> FastAPI:
    """The FastAPI application behind `/kagura/`."""
    api = FastAPI(
        title="kagura",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry={"auto_configure": False},
    )

    @api.middleware("http")
    async def refuse_strangers(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        headers = dict(request.scope["headers"])
        if guard.knows_host(headers.get(b"host")) and guard.knows_origin(headers.get(b"origin")):
            return await answer(request)
        message = (
            "Only this machine's own pages reach /kagura/; proxy.allowed_hosts in config.yaml names further hosts."
        )
        return _json({"error": message}, 403)

    @api.get("/kagura/health")
    async def health() -> Response:
        return _json(health_report(settings, recorder, metrics))

    @api.get("/kagura/inflight")
    async def in_flight() -> Response:
        return _json({id: flight.progress() for id, flight in metrics.flights.items()})

    @api.get("/kagura/metrics")
    async def prometheus() -> Response:
        return Response(exposition(metrics, recorder), media_type="text/plain; version=0.0.4; charset=utf-8")

    @api.post("/kagura/v1/events")
    async def events(request: Request) -> Response:
        return await _take_events(request, recorder, metrics)

    otlp.add_routes(api, recorder)
    view.add_route(api, settings, guard, readers)
    return api


def health_report(settings: Settings, recorder: Recorder, metrics: Metrics) -> dict[str, object]:
    """What `/kagura/health` says. `degraded` means that calls go on but are not recorded."""
    return {
        "status": "degraded" if recorder.last_failure else "ok",
        "version": __version__,
        "pid": getpid(),
        "home": str(settings.home),
        "uptime_seconds": round(metrics.uptime(), 1),
        "in_flight": metrics.in_flight,
        "calls": metrics.total,
        "labels_ignored": metrics.labels_ignored,
        "journal": {
            "failures": recorder.failures,
            "calls_waiting": recorder.calls_waiting,
            "calls_unrecorded": recorder.calls_lost,
            "last_failure": recorder.last_failure,
        },
        "collector": {
            "running": collector_runs(settings.journal_dir),
            "waiting_bytes": waiting_bytes(settings.journal_dir),
        },
    }


async def _take_events(request: Request, recorder: Recorder, metrics: Metrics) -> Response:
    """Write a JSON array of events into the journal: 202 once all are in it."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_EVENTS_BODY:
            return _json({"error": f"more than {MAX_EVENTS_BODY} bytes; send fewer events at a time"}, 413)
    try:
        events = _EVENTS.decode(bytes(body))
    except msgspec.DecodeError as error:
        return _json({"error": f"not a list of events: {error}"}, 400)
    except UnicodeDecodeError:
        return _json({"error": "not a list of events: not UTF-8"}, 400)
    for event in events:
        if not recorder.reported(event):
            refusal = _json({"error": "the journal cannot be written"}, 503)
            refusal.headers["retry-after"] = str(RETRY_SECONDS)
            return refusal
        metrics.events += 1
    return _json({"accepted": len(events)}, 202)


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
