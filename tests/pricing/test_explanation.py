"""Why a call cost what it did, or why nobody knows."""

from decimal import Decimal
from typing import Any

import pytest

from kagura.model import Cost, CostLine, Span, SpanKind, Status, Usage
from kagura.pricing import Catalog
from kagura.pricing.book import start_us
from kagura.pricing.catalog import How
from kagura.pricing.explanation import explain
from kagura.pricing.rows import PriceRow


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load(overrides={"openai/ours": {"input": Decimal(1)}})


def span(**changes: Any) -> Span:
    fields: dict[str, Any] = {
        "id": "1" * 16,
        "execution_id": "run-1",
        "kind": SpanKind.LLM,
        "name": "chat",
        "agent": "a",
        "status": Status.COMPLETED,
        "started_at": start_us("2026-11-22"),
        "provider": "openai",
        "endpoint": "chat/completions",
        "request_model": "gpt-4o",
        "response_model": "gpt-4o-2024-08-06",
        "usage": Usage(input=1000, output=100),
        "cost": Cost(),
    }
    return Span(**fields | changes)


def reasons(catalog: Catalog, **changes: Any) -> str:
    return " ".join(explain(span(**changes), catalog).reasons)


def test_the_sum_of_the_lines_beside_what_the_provider_billed(catalog: Catalog) -> None:
    line = CostLine(unit="input", quantity=Decimal(1000), rate=Decimal("0.000002"), factor=Decimal("1.1"))
    usage = Usage(input=1000, output=0, provider_cost=Decimal("0.002"))
    found = explain(span(usage=usage, cost=Cost(total=Decimal("0.002"), lines=[line])), catalog)
    assert (found.catalog_total, found.provider_total, found.difference) == (
        Decimal("0.0022"),
        Decimal("0.002"),
        Decimal("-0.0002"),
    )
    assert (found.reasons, found.unpriced) == ([], [])


@pytest.mark.parametrize(
    ("provider", "model", "how", "name"),
    [
        ("openai", "gpt-4o-2024-08-06", How.EXACT, "gpt-4o-2024-08-06"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:acme::id", How.EXACT, "ft:gpt-4o-mini-2024-07-18"),
        ("openai", "ours", How.OWN, "openai/ours"),
        ("anthropic", "claude-haiku-4-5-20991231", How.EXACT, "claude-haiku-4-5"),
        ("my-gateway", "gpt-4o", How.ONLY_MAKER, "gpt-4o"),
        ("vertex", "gemini-2.5-flash-preview-04-17", How.MAKER_AT_HOST, "gemini-2.5-flash-preview-04-17"),
    ],
)
def test_which_name_was_found_and_why(catalog: Catalog, provider: str, model: str, how: How, name: str) -> None:
    (found,) = explain(span(provider=provider, request_model=None, response_model=model), catalog).names
    assert found.match is not None
    assert (found.asked, found.match.how, found.match.name) == ("response_model", how, name)


def test_a_name_that_was_asked_and_answered_alike_stands_once(catalog: Catalog) -> None:
    both = explain(span(), catalog).names
    assert [name.asked for name in both] == ["response_model", "request_model"]
    assert len(explain(span(response_model="gpt-4o"), catalog).names) == 1


def test_why_a_cost_is_unknown(catalog: Catalog) -> None:
    unknown = {"request_model": "gpt-9000", "response_model": None}
    assert "has gpt-9000 at openai (request model)" in reasons(catalog, **unknown)
    assert "a server of your own" in reasons(catalog, provider="ollama", **unknown)
    assert "names a model" in reasons(catalog, request_model=None, response_model=None)
    assert "did not say what the call consumed" in reasons(catalog, usage=None)
    assert "not ended yet" in reasons(catalog, status=Status.RUNNING)
    assert "nothing to pay" in reasons(catalog, status=Status.FAILED, usage=None, cost=None)
    assert "files are not billed" in reasons(catalog, usage=None, cost=None, endpoint="files")
    prepaid = Usage(input=1, output=1, service_tier="PROVISIONED_THROUGHPUT")
    assert "paid ahead" in reasons(catalog, usage=prepaid)


def test_a_price_that_is_known_now_points_to_reprocess(catalog: Catalog) -> None:
    assert "`kagura reprocess` fills it in" in reasons(catalog)


def test_a_unit_without_a_rate_is_named(catalog: Catalog) -> None:
    line = CostLine(unit="input", quantity=Decimal(1000), rate=Decimal("0.000002"))
    usage = Usage(input=1000, output=0, units={"teleports": Decimal(2), "web_fetch": Decimal(1)})
    known = explain(span(usage=usage, cost=Cost(total=Decimal("0.002"), lines=[line])), catalog)
    assert (known.unpriced, known.reasons) == (["teleports"], [])
    open_bill = explain(span(usage=usage, cost=Cost(lines=[line])), catalog)
    assert open_bill.reasons == ["gpt-4o-2024-08-06 has a price, but none for: teleports."]


def test_a_model_that_has_a_price_only_later() -> None:
    rates = {"input": Decimal(1)}
    rows = [PriceRow(provider="p", model="m", valid_from="2027-01-01", rates=rates, source="s", recorded="2027-01-01")]
    found = explain(span(provider="p", request_model="m", response_model=None), Catalog(rows))
    assert found.reasons[0] == "m has a price only from 2027-01-01 on."
