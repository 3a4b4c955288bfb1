"""Reading what OpenAI and Anthropic say was used and billed."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from kagura.errors import InputError
from kagura.model import Usage
from kagura.pricing.exports import Export, ExportRow, Holds, read_export
from tests.pricing.exported import (
    DAY,
    anthropic_cost,
    anthropic_page,
    anthropic_usage,
    console_cost_csv,
    console_usage_csv,
    following,
    openai_cost,
    openai_cost_csv,
    openai_page,
    openai_usage,
    openai_usage_csv,
    table,
)

Read = Callable[[str], Export]

GPT = Usage(input=6018, output=900, cache_read=5760, cache_write=0, cache_write_1h=0, audio_input=0, audio_output=0)
CLAUDE = Usage(
    input=3200,
    output=500,
    cache_read=200,
    cache_write=1500,
    cache_write_1h=1000,
    units={"web_search": Decimal(10)},
)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_text(text: str) -> Export:
        path = tmp_path / "export"
        path.write_text(text, encoding="utf-8")
        return read_export(path)

    return read_text


def test_openai_usage_pages(read: Read) -> None:
    found = read(openai_page(openai_usage()))
    assert (found.form.name, found.form.holds, found.complete) == ("OpenAI usage", Holds.USAGE, True)
    assert found.days == [DAY, following(DAY)]
    assert found.rows == [ExportRow(DAY, "gpt-4o-2024-08-06", GPT, None, 3, {"tier": "default"}, 0)]


def test_openai_usage_from_the_dashboard(read: Read) -> None:
    found = read(openai_usage_csv())
    assert found.rows == [ExportRow(DAY, "gpt-4o-2024-08-06", GPT, None, 3, {"tier": "default"}, 0)]
    assert found.days == [DAY, following(DAY)]


def test_batches_are_a_tier(read: Read) -> None:
    assert read(openai_page(openai_usage(batch=True))).rows[0].facts == {"tier": "batch"}
    assert read(openai_usage_csv(batch="TRUE")).rows[0].facts == {"tier": "batch"}


def test_audio_and_pictures_stand_inside_the_input_or_beside_it(read: Read) -> None:
    inside = openai_usage(input_tokens=150, input_text_tokens=50, input_audio_tokens=100, input_cached_tokens=0)
    beside = openai_usage(input_tokens=50, input_text_tokens=50, input_audio_tokens=100, input_cached_tokens=0)
    for result in (inside, beside):
        (row,) = read(openai_page(result)).rows
        assert row.usage is not None
        assert (row.usage.input, row.usage.audio_input) == (150, 100)


def test_other_endpoints_count_other_units(read: Read) -> None:
    speech = {"characters": 1200, "num_model_requests": 2, "model": "tts-1"}
    found = read(openai_page(speech, kind="usage.audio_speeches"))
    assert found.rows[0].usage == Usage(
        input=None, output=None, cache_read=0, cache_write=0, cache_write_1h=0, units={"characters": Decimal(1200)}
    )


def test_openai_costs(read: Read) -> None:
    items = [openai_cost(0.06, "gpt-4o-2024-08-06, input"), openai_cost(0.01, "web search tool calls")]
    found = read(openai_page(*items, kind="costs"))
    assert (found.form.name, found.form.holds) == ("OpenAI costs", Holds.COST)
    assert [(row.model, row.cost) for row in found.rows] == [
        ("gpt-4o-2024-08-06", Decimal("0.06")),
        (None, Decimal("0.01")),
    ]
    whole = read(openai_page(openai_cost(0.07, None), kind="costs"))
    assert [(row.model, row.cost) for row in whole.rows] == [(None, Decimal("0.07"))]


def test_openai_costs_from_the_dashboard(read: Read) -> None:
    found = read(openai_cost_csv("0.003835980000000000000000000000", "gpt-5-nano, input_tokens"))
    assert found.form.name == "OpenAI costs (dashboard)"
    assert [(row.day, row.model, row.cost) for row in found.rows] == [(DAY, "gpt-5-nano", Decimal("0.00383598"))]


def test_the_usage_report_of_anthropic(read: Read) -> None:
    found = read(anthropic_page(anthropic_usage()))
    assert (found.form.name, found.form.provider) == ("Anthropic usage report", "anthropic")
    facts = {"tier": "standard", "inference_geo": "global"}
    assert found.rows == [ExportRow(DAY, "claude-opus-5-5", CLAUDE, None, None, facts, 0)]


def test_the_console_of_anthropic_counts_the_same(read: Read) -> None:
    (row,) = read(console_usage_csv()).rows
    assert (row.day, row.model, row.usage) == (DAY, "claude-opus-5-5", CLAUDE)


def test_long_prompts_and_fast_answers_are_priced_as_such(read: Read) -> None:
    (page,) = read(anthropic_page(anthropic_usage(context_window="200k-1M", speed="fast"))).rows
    (csv,) = read(console_usage_csv(context_window="> 200k", speed="fast")).rows
    assert page.prompt_tokens == csv.prompt_tokens == 200_001
    assert page.facts["tier"] == csv.facts["tier"] == "fast"


def test_the_cost_report_of_anthropic_is_in_cents(read: Read) -> None:
    searches = anthropic_cost("10", cost_type="web_search", model=None, token_type=None)
    found = read(anthropic_page(anthropic_cost("123.45"), searches))
    assert found.form.name == "Anthropic cost report"
    assert [(row.model, row.cost) for row in found.rows] == [
        ("claude-opus-5-5", Decimal("1.2345")),
        (None, Decimal("0.1")),
    ]


def test_the_console_calls_models_by_their_display_names(read: Read) -> None:
    (row,) = read(console_cost_csv("0.19")).rows
    assert (row.model, row.cost, row.facts) == ("claude-opus-5-5", Decimal("0.19"), {})


def test_several_pages_in_an_array_or_a_line_each(read: Read) -> None:
    pages = [openai_page(openai_usage()), openai_page(openai_usage(), day=following(DAY), more=True)]
    array = read(json.dumps([json.loads(page) for page in pages]))
    lines = read("\n".join(pages))
    assert array == lines
    assert [row.day for row in array.rows] == [DAY, following(DAY)]
    assert not array.complete


def test_buckets_of_an_hour_belong_to_their_day_of_utc(read: Read) -> None:
    page = json.loads(anthropic_page(anthropic_usage()))
    page["data"][0]["starting_at"] = "2026-09-21T23:00:00Z"
    assert [row.day for row in read(json.dumps(page)).rows] == [date(2026, 9, 21)]
    page["data"][0]["starting_at"] = "2026-09-21T23:00:00-02:00"
    assert [row.day for row in read(json.dumps(page)).rows] == [date(2026, 9, 22)]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_of_spreadsheets(read: Read, separator: str) -> None:
    text = table({"usage_date_utc": DAY, "model": "Claude Haiku 4.5", "cost_usd": "1,234.5"}, separator=separator)
    assert read(text).rows[0].cost == Decimal("1234.5")


@pytest.mark.parametrize("text", ["", "{}", "[]", "a,b\n1,2\n", '{"data": [{"a": 1}]}', "{not json", '"text"', "\x00"])
def test_another_file_is_refused_with_what_is_accepted(read: Read, text: str) -> None:
    with pytest.raises(InputError, match="not an export that kagura knows") as caught:
        read(text)
    assert "OpenAI usage" in caught.value.remedy
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (openai_page(openai_usage(output_tokens="many")), "row 1"),
        (openai_page(openai_usage(output_tokens=-5)), "row 1: output_tokens is -5"),
        (table({"usage_date_utc": "yesterday", "cost_usd": "1"}), "row 1: Invalid isoformat"),
        (anthropic_page(anthropic_cost("5", currency="EUR")), "row 1: amounts are in EUR"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(read: Read, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(text)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_export(tmp_path / "absent.csv")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a text file"):
        read_export(tmp_path / "binary")
