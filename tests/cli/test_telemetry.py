"""The variables of OpenTelemetry that `kagura run` sets."""

import pytest
from opentelemetry.sdk.resources import OTELResourceDetector

from kagura.cli.telemetry import RESOURCE, exporters, other_receiver, resource_attributes

ROOT = "http://127.0.0.1:4100"


@pytest.mark.parametrize("execution_id", ["r", "a/b", "50%, done=yes", "神楽"])
def test_exporters_read_what_was_written(execution_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {RESOURCE: "service.name=mine, team=a%2Cb"}
    monkeypatch.setenv(RESOURCE, resource_attributes(given, agent="an agent", execution_id=execution_id)[RESOURCE])
    read = OTELResourceDetector().detect().attributes
    assert read == {
        "service.name": "mine",
        "team": "a,b",
        "kagura.execution_id": execution_id,
        "kagura.agent": "an agent",
    }


def test_a_run_within_a_run_has_its_own() -> None:
    outer = resource_attributes({RESOURCE: "team=a"}, agent="outer", execution_id="1")
    inner = resource_attributes(outer, agent="inner", execution_id="2")
    assert inner[RESOURCE] == "team=a,kagura.execution_id=2,kagura.agent=inner"


def test_exporters_are_pointed_at_the_proxy() -> None:
    assert exporters({}, ROOT) == {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"{ROOT}/kagura/otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "none",
        "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
        "GEMINI_TELEMETRY_ENABLED": "true",
        "GEMINI_TELEMETRY_TARGET": "local",
        "GEMINI_TELEMETRY_OTLP_PROTOCOL": "http",
    }
    chosen = exporters({"OTEL_LOGS_EXPORTER": "otlp,console", "CLAUDE_CODE_ENABLE_TELEMETRY": "0"}, ROOT)
    assert (chosen["OTEL_LOGS_EXPORTER"], chosen["CLAUDE_CODE_ENABLE_TELEMETRY"]) == ("otlp,console", "0")


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"])
def test_a_receiver_of_the_users_own_stays(name: str) -> None:
    environ = {name: "http://collector.example:4318"}
    assert (other_receiver(environ), exporters(environ, ROOT)) == (name, {})


def test_a_receiver_that_is_a_proxy_gives_way_to_this_runs() -> None:
    outer = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9/kagura/otlp",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9/kagura/otlp/v1/traces",
    }
    assert other_receiver(outer) is None
    found = outer | exporters(outer, ROOT)
    assert found["OTEL_EXPORTER_OTLP_ENDPOINT"] == f"{ROOT}/kagura/otlp"
    assert found["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] == ""
