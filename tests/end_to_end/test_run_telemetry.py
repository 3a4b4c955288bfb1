"""`kagura run` and a program that tells over OpenTelemetry what it does."""

import json
import time
from typing import Any

import pytest

from tests.clients.installed import PATIENCE, Proxy, exported
from tests.end_to_end.runs import python, run

SPANS = """
import os
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
with provider.get_tracer("program").start_as_current_span("think"):
    pass
provider.shutdown()
"""
"""A program that makes no call, and exports one span as the environment says."""
TO_KAGURA = "import os; os.environ['OTEL_EXPORTER_OTLP_ENDPOINT'] = os.environ['KAGURA_PROXY'] + '/kagura/otlp'\n"
SHOW = "import json, os; print(json.dumps({k: v for k, v in os.environ.items() if k.startswith(('OTEL_', 'CLAUDE_'))}))"


def spans_of(proxy: Proxy, run_id: str) -> list[dict[str, Any]]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = [span for span in exported(proxy.home) if span["execution_id"] == run_id]
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"no span of {run_id} is in the store")


@pytest.mark.parametrize("otel", [True, False], ids=["flag", "by_itself"])
def test_a_span_without_a_call_joins_the_run(otel: bool, proxy: Proxy, env: dict[str, str]) -> None:
    flags, code = (["--otel"], SPANS) if otel else ([], TO_KAGURA + SPANS)
    run_id = f"told {otel}, 100%"
    done = run("-q", *flags, "--agent", "an agent", "--id", run_id, *python(code), env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert [(span["name"], span["agent"]) for span in spans_of(proxy, run_id)] == [("think", "an agent")]


def test_nothing_is_sent_without_being_asked(env: dict[str, str]) -> None:
    seen = json.loads(run("-q", "--id", "r", *python(SHOW), env=env).stdout)
    assert not {name for name in seen if "OTLP" in name or "EXPORTER" in name or "TELEMETRY" in name}
    assert seen["OTEL_RESOURCE_ATTRIBUTES"].startswith("kagura.execution_id=r,")


def test_a_receiver_of_the_users_own_stays_and_is_told(env: dict[str, str]) -> None:
    given = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://user:word@collector.example/v1/traces"}
    done = run("--otel", "--id", "own", *python(SHOW), env=env | given)
    seen = json.loads(done.stdout)
    assert given.items() <= seen.items()
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" not in seen
    assert "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT stays as it is: --otel has no effect" in done.stderr
    assert "word" not in done.stderr
