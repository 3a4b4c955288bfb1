"""Exports of OpenAI and Anthropic as their documentation describes them, for one day and the next."""

import csv
import io
import json
from datetime import UTC, date, datetime
from typing import Any

DAY = date(2026, 9, 21)


def seconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def following(day: date) -> date:
    return date.fromordinal(day.toordinal() + 1)


def openai_page(*results: dict[str, Any], day: date = DAY, kind: str = "usage.completions", more: bool = False) -> str:
    """https://platform.openai.com/docs/api-reference/usage/completions and …/usage/costs: a page of buckets."""
    bucket = {
        "object": "bucket",
        "start_time": seconds(day),
        "end_time": seconds(following(day)),
        "results": [{"object": f"organization.{kind}.result", **result} for result in results],
    }
    empty = {
        **bucket,
        "start_time": seconds(following(day)),
        "end_time": seconds(following(day)) + 86400,
        "results": [],
    }
    return json.dumps({"object": "page", "data": [bucket, empty], "has_more": more, "next_page": None})


def openai_usage(**changes: Any) -> dict[str, Any]:
    """A result of the completions usage: input holds the cached tokens."""
    return {
        "input_tokens": 6018,
        "output_tokens": 900,
        "input_cached_tokens": 5760,
        "input_audio_tokens": 0,
        "output_audio_tokens": 0,
        "num_model_requests": 3,
        "project_id": None,
        "user_id": None,
        "api_key_id": None,
        "model": "gpt-4o-2024-08-06",
        "batch": False,
        "service_tier": "default",
    } | changes


def openai_cost(value: float, line_item: str | None) -> dict[str, Any]:
    """A result of the costs endpoint: dollars by line item."""
    return {"amount": {"value": value, "currency": "usd"}, "line_item": line_item, "project_id": None}


def anthropic_page(*results: dict[str, Any], day: date = DAY) -> str:
    """https://platform.claude.com/docs/en/api/admin/usage_report/retrieve_messages and …/admin/cost_report."""
    bucket = {
        "starting_at": f"{day}T00:00:00Z",
        "ending_at": f"{following(day)}T00:00:00Z",
        "results": list(results),
    }
    return json.dumps({"data": [bucket], "has_more": False, "next_page": None})


def anthropic_usage(**changes: Any) -> dict[str, Any]:
    """A result of the messages usage report: input leaves out what the cache took and gave."""
    return {
        "uncached_input_tokens": 1500,
        "cache_creation": {"ephemeral_1h_input_tokens": 1000, "ephemeral_5m_input_tokens": 500},
        "cache_read_input_tokens": 200,
        "output_tokens": 500,
        "server_tool_use": {"web_search_requests": 10},
        "api_key_id": None,
        "workspace_id": None,
        "model": "claude-opus-5-5",
        "service_tier": "standard",
        "context_window": "0-200k",
        "inference_geo": "global",
    } | changes


def anthropic_cost(cents: str, **changes: Any) -> dict[str, Any]:
    """A result of the cost report: an amount in cents."""
    return {
        "currency": "USD",
        "amount": cents,
        "workspace_id": None,
        "description": "Claude Opus 5.5 Usage - Input Tokens",
        "cost_type": "tokens",
        "context_window": "0-200k",
        "model": "claude-opus-5-5",
        "service_tier": "standard",
        "token_type": "uncached_input_tokens",
    } | changes


def table(*rows: dict[str, Any], separator: str = ",") -> str:
    """Rows as CSV, with the byte order mark that spreadsheets like."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return "\ufeff" + text.getvalue()


def openai_usage_csv(day: date = DAY, **changes: Any) -> str:
    """The activity export of https://platform.openai.com/usage: counts with a decimal point, empty days as rows."""
    iso = {"start_time_iso": f"{day}T00:00:00+00:00", "end_time_iso": f"{following(day)}T00:00:00+00:00"}
    row = {"start_time": seconds(day), "end_time": seconds(following(day)), **iso, **openai_usage(**changes)}
    row |= {name: f"{row[name]}.0" for name in ("input_tokens", "output_tokens", "input_cached_tokens")}
    empty = dict.fromkeys(row, "") | {"start_time": seconds(following(day))}
    return table(row, empty)


def openai_cost_csv(value: str, line_item: str, day: date = DAY) -> str:
    """The cost export of https://platform.openai.com/usage."""
    return table(
        {
            "start_time": seconds(day),
            "end_time": seconds(following(day)),
            "start_time_iso": f"{day}T00:00:00+00:00",
            "end_time_iso": f"{following(day)}T00:00:00+00:00",
            "amount_value": value,
            "amount_currency": "usd",
            "line_item": line_item,
            "project_id": "",
        }
    )


def console_usage_csv(day: date = DAY, **changes: Any) -> str:
    """The export of https://platform.claude.com/usage."""
    row = {
        "usage_date_utc": day,
        "model_version": "claude-opus-5-5",
        "api_key": "agents",
        "workspace": "Default",
        "usage_type": "standard",
        "context_window": "≤ 200k",
        "usage_input_tokens_no_cache": 1500,
        "usage_input_tokens_cache_write_5m": 500,
        "usage_input_tokens_cache_write_1h": 1000,
        "usage_input_tokens_cache_read": 200,
        "usage_output_tokens": 500,
        "web_search_count": 10,
        "inference_geo": "global",
        "speed": "",
    }
    return table(row | changes)


def console_cost_csv(dollars: str, day: date = DAY, **changes: Any) -> str:
    """The export of https://platform.claude.com/cost, which calls models by their display names."""
    row = {
        "usage_date_utc": day,
        "model": "Claude Opus 5.5",
        "workspace": "Default",
        "api_key": "agents",
        "usage_type": "message",
        "context_window": "≤ 200k",
        "token_type": "input_no_cache",
        "cost_usd": dollars,
        "cost_type": "token",
    }
    return table(row | changes)
