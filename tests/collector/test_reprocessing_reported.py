"""Calls that programs report by OpenTelemetry, priced again."""

import json
from decimal import Decimal
from pathlib import Path

from kagura.collector.reprocessing import Reason, Report, Reprocessor
from kagura.config import Settings
from kagura.store import Store
from tests.collector.exports import chat, export, span, stored
from tests.collector.recorded import Recorder, T
from tests.collector.turns import QUESTION, says

COUNTED = {"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 200}
CACHED = {"gen_ai.usage.cache_read.input_tokens": 600}
ANTHROPIC = {"gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude-sonnet-4-5"}
USAGE = {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200}


def reported(home: Path) -> None:
    """Reported calls of every kind: plain, cached, failed, of no known model, without figures, without a provider."""
    bare = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
    stored(
        home,
        [
            export(
                span("chat gpt-4o", 1, None, (0, 100), chat() | COUNTED),
                span("chat gpt-4o", 2, None, (200, 300), chat() | COUNTED | CACHED),
                span("chat sonnet", 3, None, (400, 500), chat() | ANTHROPIC | COUNTED | CACHED),
                span("chat gpt-4o", 4, None, (600, 700), chat(), status={"code": 2, "message": "no"}),
                span("chat gpt-nine", 5, None, (800, 900), chat() | COUNTED | {"gen_ai.request.model": "gpt-nine"}),
                span("chat gpt-4o", 6, None, (1000, 1100), chat()),
                span("chat gpt-4o", 7, None, (1200, 1300), bare | COUNTED),
                span("chat gpt-4o", 8, None, (1400, 1500), chat() | COUNTED | {"gen_ai.usage.cost": 7.5}),
            )
        ],
    )


def reprocess(home: Path) -> Report:
    settings = Settings(home=home)
    with Store.open(settings.db_url) as store:
        return Reprocessor.from_settings(store, settings).apply(T + 10**12)


def price(home: Path, model: str) -> None:
    row = {
        "provider": "openai",
        "model": model,
        "rates": {"input": "0.000001", "output": "0.000002"},
        "source": "https://example.test/prices",
        "recorded": "2026-11-30",
    }
    Settings(home=home).prices_file.write_text(json.dumps(row) + "\n")


def costs(home: Path) -> list[Decimal | None]:
    """What each call cost, in their order."""
    with Store.open(Settings(home=home).db_url, read_only=True) as store:
        found = sorted((span for page in store.ended_calls() for span in page), key=lambda span: span.started_at)
    return [span.cost.total if span.cost else None for span in found]


def test_nothing_changes_where_nothing_was_mended(tmp_path: Path) -> None:
    reported(tmp_path)
    before = costs(tmp_path)
    report = reprocess(tmp_path)
    assert (report.calls, report.read, report.reasons) == (8, 0, {})
    assert costs(tmp_path) == before
    assert before[:3] == [Decimal("0.0045"), Decimal("0.00375"), Decimal("0.00438")]
    assert before[3:] == [None, None, None, Decimal("0.0045"), Decimal("0.0045")]


def test_a_price_that_comes_later_fills_in_what_was_unknown(tmp_path: Path) -> None:
    reported(tmp_path)
    assert costs(tmp_path)[4] is None
    price(tmp_path, "gpt-nine")
    assert reprocess(tmp_path).reasons == {Reason.PRICE_FOUND: 1}
    assert costs(tmp_path)[4] == Decimal("0.0014")
    assert reprocess(tmp_path).changed == 0


def test_a_corrected_price_counts_for_reported_calls_too(tmp_path: Path) -> None:
    stored(tmp_path, [export(span("chat gpt-4o", 1, None, (0, 100), chat() | COUNTED))])
    assert costs(tmp_path) == [Decimal("0.0045")]
    price(tmp_path, "gpt-4o")
    assert reprocess(tmp_path).reasons == {Reason.PRICE_CORRECTED: 1}
    assert costs(tmp_path) == [Decimal("0.0014")]


def test_a_call_that_the_proxy_saw_as_well_is_read_from_its_answer(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    answer = {"id": "chatcmpl-1", "model": "gpt-4o", "usage": USAGE, "choices": [{"index": 0, "message": says("Hi.")}]}
    started = recorder.ask({"model": "gpt-4o", "messages": [QUESTION]}, at=T)
    named = {"gen_ai.response.id": "chatcmpl-1", "gen_ai.usage.input_tokens": 5}
    told = export(span("chat gpt-4o", 1, None, (0, 600), chat() | named))
    stored(tmp_path, [started, recorder.answer(started, answer, after=500_000), told])
    report = reprocess(tmp_path)
    assert (report.calls, report.read, report.changed) == (1, 1, 0)
    assert costs(tmp_path) == [Decimal("0.0045")]
