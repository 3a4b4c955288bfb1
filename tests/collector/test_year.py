"""A year of calls over three price changes: each call keeps the price of its day, whatever is learned later."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from kagura.collector import drain
from kagura.collector.reprocessing import Reprocessor
from kagura.config import Settings
from kagura.journal import Ended, JournalWriter, Started
from kagura.model import Body, Outcome
from kagura.pricing.update import update
from kagura.store import Store

FIRST_DAY = date(2027, 1, 1)
DAYS = 365

CHANGES = {date(2027, 1, 1): 8e-6, date(2027, 3, 15): 6e-6, date(2027, 6, 1): 5e-6, date(2027, 10, 20): 9e-6}
"""The day on which a list with a new price for a token was taken up; output costs four times that."""


def noon(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()) * 1_000_000


def price_list(path: Path, rate: float) -> Path:
    model = {"litellm_provider": "openai", "input_cost_per_token": rate, "output_cost_per_token": 4 * rate}
    path.write_text(json.dumps({"gpt-year": model}))
    return path


def body(document: object) -> Body:
    data = json.dumps(document).encode()
    return Body(data, len(data))


def record(writer: JournalWriter, number: int, at: int) -> None:
    """One call of 1,000 tokens in and 100 out."""
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    answer = {"id": f"c{number}", "object": "chat.completion", "model": "gpt-year", "choices": [], "usage": usage}
    writer.append(
        Started(
            id=f"{number:016x}",
            provider="openai",
            dialect="openai",
            method="POST",
            target="/v1/chat/completions",
            received_at=at,
            request_body=body({"model": "gpt-year", "messages": []}),
        )
    )
    writer.append(
        Ended(
            id=f"{number:016x}",
            outcome=Outcome.COMPLETED,
            done_at=at + 5,
            first_byte_at=at + 2,
            last_byte_at=at + 4,
            status=200,
            response_headers=[("content-type", "application/json")],
            response_body=body(answer),
        )
    )


def by_hand(day: date) -> Decimal:
    """1,000 in and 100 out at the price of the day: 8, 6, 5 or 9 dollars a million, four times that for output."""
    per_call = {"2027-01-01": "0.0112", "2027-03-15": "0.0084", "2027-06-01": "0.007", "2027-10-20": "0.0126"}
    return Decimal(per_call[max(start for start in per_call if start <= day.isoformat())])


@pytest.fixture
def year(tmp_path: Path) -> Settings:
    """A call a day; prices are taken up on the mornings of their days, and calls collected at the ends of months."""
    settings = Settings(home=tmp_path)
    writer = JournalWriter(settings.journal_dir)
    for number in range(DAYS):
        day = FIRST_DAY + timedelta(days=number)
        if day in CHANGES:
            update(settings.prices_file, price_list(tmp_path / f"{day}.json", CHANGES[day]), day=day)
        record(writer, number + 1, noon(day))
        if (day + timedelta(days=1)).day == 1 or day + timedelta(days=1) in CHANGES:
            drain(settings)
    writer.close()
    drain(settings)
    return settings


def costs_by_day(settings: Settings) -> dict[date, Decimal]:
    with Store.open(settings.db_url, read_only=True) as store:
        return {date.fromisoformat(row.key or ""): row.cost.billed for row in store.costs("day")}


def test_every_day_keeps_its_price_whatever_comes_later(year: Settings) -> None:
    expected = {
        FIRST_DAY + timedelta(days=number): by_hand(FIRST_DAY + timedelta(days=number)) for number in range(DAYS)
    }
    assert costs_by_day(year) == expected

    # 73 days at 0.0112, 78 at 0.0084, 141 at 0.007 and 73 at 0.0126
    assert sum(expected.values()) == Decimal("3.3796")

    later = update(year.prices_file, price_list(year.home / "later.json", 1e-6), day=date(2028, 1, 1))
    assert len(later.changes) == 1
    assert costs_by_day(year) == expected


def test_reading_the_year_again_after_a_fourth_change_reprices_nothing(year: Settings) -> None:
    before = costs_by_day(year)
    update(year.prices_file, price_list(year.home / "later.json", 1e-6), day=date(2028, 1, 1))
    with Store.open(year.db_url) as store:
        report = Reprocessor.from_settings(store, year).apply(noon(date(2028, 2, 1)))
        assert (report.calls, report.read, report.changed) == (DAYS, DAYS, 0)
    assert costs_by_day(year) == before


def test_a_call_that_is_collected_late_has_the_price_of_its_own_day(year: Settings) -> None:
    writer = JournalWriter(year.journal_dir)
    record(writer, 9001, noon(date(2027, 4, 1)))
    writer.close()
    drain(year)
    assert costs_by_day(year)[date(2027, 4, 1)] == 2 * Decimal("0.0084")


def test_each_call_names_the_list_and_the_day_of_its_price(year: Settings) -> None:
    with Store.open(year.db_url, read_only=True) as store:
        versions = {
            span.cost.price_version for page in store.ended_calls() for span in page if span.cost and span.cost.lines
        }
    assert versions == {"litellm file 2027-01-01", *(f"litellm file {day}" for day in list(CHANGES)[1:])}
