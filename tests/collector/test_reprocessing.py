"""Stored answers read and priced again: what changes, what never does, what is kept of before."""

import json
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kagura.collector import drain
from kagura.collector.reprocessing import Reason, Report, Reprocessor
from kagura.config import CaptureSettings, Settings
from kagura.journal import Ended, JournalWriter, Started
from kagura.model import Body, Outcome, Span, UsageSource
from kagura.pricing.update import update
from kagura.store import Batch, Store

T0 = 1_790_000_000_000_000
"""2026-09-21."""
NOW = T0 + 30 * 86_400_000_000

Prices = Mapping[str, Mapping[str, Decimal]]
Reprocess = Callable[[Settings], Report]


def body(value: Any) -> Body:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Body(data, len(data))


def answer(model: str = "gpt-4o-2024-08-06", **usage: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Four."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200} | usage,
    }


def call(
    writer: JournalWriter, n: int, given: Any, *, request: Any = None, target: str = "/v1/chat/completions", **end: Any
) -> None:
    asked = request or {"model": given["model"] if isinstance(given, dict) and "model" in given else "gpt-4o"}
    writer.append(
        Started(
            id=f"{n:016x}",
            provider="openai",
            dialect="openai",
            method="POST",
            target=target,
            received_at=T0 + n,
            request_headers=[("content-type", "application/json")],
            request_body=body({**asked, "messages": [{"role": "user", "content": "How many?"}]}),
        )
    )
    writer.append(
        Ended(
            id=f"{n:016x}",
            outcome=Outcome.COMPLETED,
            done_at=T0 + n + 9,
            first_byte_at=T0 + n + 2,
            last_byte_at=T0 + n + 8,
            status=end.get("status", 200),
            response_headers=[("content-type", end.get("kind", "application/json"))],
            response_body=body(given),
        )
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def writer(settings: Settings) -> JournalWriter:
    return JournalWriter(settings.journal_dir)


def stored(settings: Settings, n: int) -> Span:
    with Store.open(settings.db_url, read_only=True) as store:
        span = store.span(f"{n:016x}")
    assert span is not None
    return span


def total(settings: Settings, n: int) -> Decimal | None:
    cost = stored(settings, n).cost
    return cost.total if cost else None


def preview(settings: Settings) -> Report:
    with Store.open(settings.db_url) as store:
        return Reprocessor.from_settings(store, settings).preview()


def apply(settings: Settings, now: int = NOW) -> Report:
    with Store.open(settings.db_url) as store:
        return Reprocessor.from_settings(store, settings).apply(now)


def with_settings(settings: Settings, **changes: Any) -> Settings:
    return msgspec.structs.replace(settings, **changes)


def price_list(path: Path, **models: float) -> Path:
    document = {
        name.replace("_", "-"): {
            "litellm_provider": "openai",
            "input_cost_per_token": rate,
            "output_cost_per_token": 2 * rate,
        }
        for name, rate in models.items()
    }
    path.write_text(json.dumps(document))
    return path


def test_nothing_changes_where_nothing_was_mended(settings: Settings, writer: JournalWriter) -> None:
    call(writer, 1, answer())
    call(
        writer,
        2,
        answer(prompt_tokens_details={"cached_tokens": 640}, completion_tokens_details={"reasoning_tokens": 5}),
    )
    stream = "".join(
        f"data: {json.dumps(chunk)}\n\n"
        for chunk in (
            {"id": "c", "model": "gpt-4o", "choices": [{"index": 0, "delta": {"content": "4"}}]},
            {"id": "c", "model": "gpt-4o", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 1}},
        )
    )
    call(writer, 3, f"{stream}data: [DONE]\n\n".encode(), kind="text/event-stream")
    call(writer, 4, {"error": {"message": "no", "type": "x"}}, status=429)
    call(writer, 5, {"data": []}, target="/v1/files")
    drain(settings)
    report = preview(settings)
    assert (report.calls, report.read, report.changed) == (5, 3, 0)
    assert apply(settings).changed == 0
    with Store.open(settings.db_url, read_only=True) as store:
        assert store.revisions(f"{1:016x}") == []


def test_a_price_that_comes_later_fills_in_what_was_unknown(settings: Settings, writer: JournalWriter) -> None:
    call(writer, 1, answer("gpt-nine"))
    call(writer, 2, answer())
    drain(settings)
    assert total(settings, 1) is None
    update(settings.prices_file, price_list(settings.home / "list.json", gpt_nine=1e-6), day=date(2026, 11, 1))
    report = preview(settings)
    assert report.reasons == {Reason.PRICE_FOUND: 1}
    assert total(settings, 1) is None
    assert apply(settings).reasons == {Reason.PRICE_FOUND: 1}
    assert total(settings, 1) == Decimal("0.0014")
    assert total(settings, 2) == Decimal("0.0045")
    with Store.open(settings.db_url, read_only=True) as store:
        (was,) = store.revisions(f"{1:016x}")
        (run, *_) = store.executions()
    assert (was.revised_at, was.reason, was.cost and was.cost.total) == (NOW, "price found", None)
    assert run.cost.unknown_calls == 0
    assert preview(settings).changed == 0


def test_a_new_price_leaves_calls_of_before_alone(settings: Settings, writer: JournalWriter) -> None:
    call(writer, 1, answer("gpt-nine"))
    first, second = settings.home / "first.json", settings.home / "second.json"
    update(settings.prices_file, price_list(first, gpt_nine=1e-6), day=date(2026, 1, 1))
    drain(settings)
    assert total(settings, 1) == Decimal("0.0014")
    changed = update(settings.prices_file, price_list(second, gpt_nine=9e-6), day=date(2026, 11, 1))
    assert len(changed.changes) == 1
    assert preview(settings).changed == 0


def test_a_corrected_price_says_which_it_took_the_place_of(settings: Settings, writer: JournalWriter) -> None:
    call(writer, 1, answer())
    drain(settings)
    row = {
        "provider": "openai",
        "model": "gpt-4o-2024-08-06",
        "rates": {"input": "0.000001", "output": "0.000002"},
        "source": "https://example.test/prices",
        "recorded": "2026-11-30",
    }
    settings.prices_file.write_text(json.dumps(row) + "\n")
    report = apply(settings)
    model = report.models["openai/gpt-4o-2024-08-06"]
    assert report.reasons == {Reason.PRICE_CORRECTED: 1}
    assert (model.calls, model.before, model.after) == (1, Decimal("0.0045"), Decimal("0.0014"))
    assert list(model.versions) == [("genai-prices 0.2.3 2026-11-22", "https://example.test/prices 2026-11-30")]
    assert total(settings, 1) == Decimal("0.0014")


def test_discounts_and_own_prices_are_told_from_corrections(settings: Settings, writer: JournalWriter) -> None:
    call(writer, 1, answer())
    drain(settings)
    discounted = with_settings(settings, discounts={"openai": Decimal(10)})
    assert preview(discounted).reasons == {Reason.TERMS_CHANGED: 1}
    assert apply(discounted).models["openai/gpt-4o-2024-08-06"].after == Decimal("0.00405")
    own = with_settings(settings, prices={"gpt-4o-2024-08-06": {"input": Decimal(1), "output": Decimal(2)}})
    assert apply(own, NOW + 1).reasons == {Reason.TERMS_CHANGED: 1}
    with Store.open(settings.db_url, read_only=True) as store:
        costs = [was.cost and was.cost.total for was in store.revisions(f"{1:016x}")]
    assert costs == [Decimal("0.0045"), Decimal("0.00405")]
    assert total(settings, 1) == Decimal("0.0014")


def test_an_answer_that_was_misread_is_read_anew_and_sums_follow(settings: Settings, writer: JournalWriter) -> None:
    call(writer, 1, answer())
    drain(settings)
    with Store.open(settings.db_url) as store:
        misread = stored(settings, 1)
        assert misread.usage is not None
        assert misread.cost is not None
        misread.usage.output, misread.response_model, misread.cost = 20, None, None
        store.write(Batch(spans=[misread]))
    report = apply(settings)
    assert report.reasons == {Reason.READ_ANEW: 1}
    mended = stored(settings, 1)
    assert mended.usage is not None
    assert (mended.usage.output, mended.response_model, total(settings, 1)) == (
        200,
        "gpt-4o-2024-08-06",
        Decimal("0.0045"),
    )
    with Store.open(settings.db_url, read_only=True) as store:
        (run,) = store.executions()
        (was,) = store.revisions(f"{1:016x}")
        kept = store.span_contents(f"{1:016x}")
    assert (run.tokens.output, run.cost.billed, run.llm_calls) == (200, Decimal("0.0045"), 1)
    assert was.usage is not None
    assert was.usage.output == 20
    assert kept is not None
    assert json.loads(kept.raw_response or b"") == answer()


def test_a_known_cost_is_never_lost(settings: Settings, writer: JournalWriter) -> None:
    call(writer, 1, answer("mine"))
    drain(with_settings(settings, prices={"mine": {"input": Decimal(1), "output": Decimal(2)}}))
    assert total(settings, 1) == Decimal("0.0014")
    assert preview(settings).changed == 0


def test_calls_whose_contents_were_not_kept_are_priced_from_their_counts(
    settings: Settings, writer: JournalWriter
) -> None:
    call(writer, 1, answer("gpt-nine"))
    call(
        writer,
        2,
        {"created": 1, "data": [{"url": "x"}], "model": "dall-e-3"},
        target="/v1/images/generations",
        request={"model": "dall-e-3", "size": "1024x1792", "quality": "hd"},
    )
    drain(with_settings(settings, capture=CaptureSettings(content="none")))
    assert total(settings, 2) == Decimal("0.12")
    update(settings.prices_file, price_list(settings.home / "list.json", gpt_nine=1e-6), day=date(2026, 11, 1))
    report = apply(settings)
    assert (report.read, report.reasons) == (0, {Reason.PRICE_FOUND: 1})
    assert total(settings, 2) == Decimal("0.12"), "its size was not kept, so its price stays"


def test_pictures_keep_their_size(settings: Settings, writer: JournalWriter) -> None:
    call(
        writer,
        1,
        {"created": 1, "data": [{"url": "x"}], "model": "dall-e-3"},
        target="/v1/images/generations",
        request={"model": "dall-e-3", "size": "1024x1792", "quality": "hd"},
    )
    drain(settings)
    assert total(settings, 1) == Decimal("0.12")
    assert preview(settings).changed == 0


def test_counts_of_our_own_stay_where_the_provider_gave_none(settings: Settings, writer: JournalWriter) -> None:
    call(writer, 1, answer())
    drain(settings)
    with Store.open(settings.db_url) as store:
        span = stored(settings, 1)
        assert span.usage is not None
        span.usage.source = UsageSource.ESTIMATED
        store.write(Batch(spans=[span]))
    assert preview(settings).changed == 0


def test_only_the_calls_of_a_time(settings: Settings, writer: JournalWriter) -> None:
    for n in (1, 2, 3):
        call(writer, n, answer("gpt-nine"))
    drain(settings)
    update(settings.prices_file, price_list(settings.home / "list.json", gpt_nine=1e-6), day=date(2026, 11, 1))
    with Store.open(settings.db_url) as store:
        report = Reprocessor.from_settings(store, settings).apply(NOW, since=T0 + 2, until=T0 + 3)
    assert report.calls == 1
    assert [total(settings, n) is None for n in (1, 2, 3)] == [True, False, True]
