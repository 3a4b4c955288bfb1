"""The variables of OpenTelemetry in a run: whose run the program's own spans belong to, and where they are sent."""

from collections.abc import Mapping
from urllib.parse import quote

from kagura.cli.clients import OTLP_ENDPOINTS, OTLP_SWITCHES, Flagged
from kagura.cli.pointing import configured

RESOURCE = "OTEL_RESOURCE_ATTRIBUTES"

_RECEIVER = "/kagura/otlp"


def resource_attributes(environ: Mapping[str, str], *, agent: str, execution_id: str) -> dict[str, str]:
    """The user's attributes, without those of a run around this one, and the run's own: spans with them join it.

    Values are percent-encoded, as https://opentelemetry.io/docs/specs/otel/resource/sdk/ asks for.
    """
    ours = {"kagura.execution_id": quote(execution_id, safe=""), "kagura.agent": quote(agent, safe="")}
    given = [pair.strip() for pair in environ.get(RESOURCE, "").split(",") if pair.strip()]
    theirs = [pair for pair in given if pair.partition("=")[0].strip() not in ours]
    return {RESOURCE: ",".join([*theirs, *(f"{name}={value}" for name, value in ours.items())])}


def other_receiver(environ: Mapping[str, str]) -> str | None:
    """The variable by which the user sends telemetry elsewhere; None where there is none, or it leads to a proxy."""
    return next((name for name in OTLP_ENDPOINTS if environ.get(name) and _RECEIVER not in environ[name]), None)


def telemetry_flag(program: Flagged, environ: Mapping[str, str]) -> list[str]:
    """What has a program that reads no variable send to the run's proxy, where the run's exporters do.

    Nothing where the user has set an exporter in the program's own file.
    """
    receiver = environ["KAGURA_PROXY"] + _RECEIVER
    table, name, value = program.telemetry
    own = configured(program, environ).get(table)
    if environ.get(OTLP_ENDPOINTS[0]) != receiver or (isinstance(own, dict) and name in own):
        return []
    return ["-c", f"{table}.{name}={value.format(receiver)}"]


def exporters(environ: Mapping[str, str], root: str) -> dict[str, str]:
    """What has exporters send to the proxy at `root`; nothing where the user sends elsewhere."""
    if other_receiver(environ):
        return {}
    receiver = OTLP_ENDPOINTS[0]
    # One for a signal would go before it: it is one of a run around this one.
    outer = dict.fromkeys((name for name in OTLP_ENDPOINTS[1:] if environ.get(name)), "")
    asked = {name: environ.get(name) or value for name, value in OTLP_SWITCHES.items()}
    return outer | asked | {receiver: root + _RECEIVER, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
