"""Questions about what was recorded: executions, numbers, costs.

What this process recorded a moment ago is part of the answer. Raises StoreError where the store cannot be read, and
InputError where a time, a status or an aggregation cannot be understood.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from kagura.model import Status, now_us
from kagura.observability.catching_up import catch_up
from kagura.observability.instants import When, day_bounds, to_us
from kagura.observability.measures import aggregate, values
from kagura.observability.recorder import recorder
from kagura.observability.rows import execution_dict
from kagura.observability.store import as_status
from kagura.store import CostRow, Store
from kagura.store.projection import monthly


@contextmanager
def _opened() -> Iterator[Store]:
    settings = recorder.settings()
    url = settings.db_url
    if url.startswith("sqlite:///"):
        from kagura.journal import private_folder

        private_folder(Path(url.removeprefix("sqlite:///")).parent)
    with Store.open(url) as store:
        catch_up(settings, store)
        yield store


def get_executions(
    agent_name: str | None = None,
    since: When | None = None,
    status: str | None = None,
    *,
    until: When | None = None,
    session_id: str | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Executions begun in [since, until), the latest first, as `EventStore.get_executions` gives them."""
    wanted: Status | None = None if status is None else as_status(status)
    with _opened() as store:
        rows = store.executions(
            agent=agent_name, since=to_us(since), until=to_us(until), status=wanted, session=session_id, limit=limit
        )
    return [execution_dict(row) for row in sorted(rows, key=lambda row: -row.started_at)]


def get_metrics(
    agent_name: str | None = None,
    metric_type: str = "duration",
    aggregation: str | None = None,
    *,
    since: When | None = None,
    until: When | None = None,
) -> Any:
    """A number of executions begun in [since, until), summed up.

    `metric_type` is `duration` (seconds, of those that have ended), `cost` (US dollars), `llm_calls`, `tool_calls`,
    `errors`, `input_tokens`, `output_tokens`, or any name given to `tracker.record_metric`. `aggregation` is `count`,
    `sum`, `mean`, `min`, `max`, `p50`, `p95` or `p99`; without one, a dictionary of all. Without any value, count and
    sum are 0 and the others None. A percentile is the smallest value that so many percent do not exceed.
    """
    with _opened() as store:
        found = values(store, metric_type, agent_name, to_us(since), to_us(until))
    return aggregate(found, aggregation)


def get_cost_summary(
    date: When | None = None,
    *,
    since: When | None = None,
    until: When | None = None,
    agent_name: str | None = None,
    by: str = "agent",
) -> dict[str, Any]:
    """What was spent on a day (today where nothing is given), or in [since, until), in US dollars as Decimal.

    `total` is what providers are known to bill; `estimated` and `unknown_calls` are apart from it. `by` is what the
    `rows` and `agents` (the same by name) split it by: `agent`, `model`, `provider`, `day`, `user`, `tag:NAME`, ….
    `projected_monthly` is what thirty days cost at the pace of that time; its first day counts whole.
    """
    start, end = to_us(since), to_us(until)
    single = start is None and end is None
    if single:
        start, end = day_bounds(datetime.now() if date is None else date)
    zone = datetime.now().astimezone().tzinfo
    with _opened() as store:
        rows = store.costs(by, since=start, until=end, agent=agent_name, **({"timezone": zone} if zone else {}))
        first = store.first_call(agent_name)
    day = datetime.fromtimestamp((start or 0) / 1e6) if single else None
    total = sum((row.cost.billed for row in rows), Decimal(0))
    lines = [_line(row) for row in rows]
    return {
        "date": day.date().isoformat() if day else None,
        "total": total,
        "estimated": sum((row.cost.estimated for row in rows), Decimal(0)),
        "unknown_calls": sum(row.cost.unknown_calls for row in rows),
        "calls": sum(row.calls for row in rows),
        "rows": lines,
        f"{by}s" if by.isalpha() else by: {line["key"]: line for line in lines},
        "projected_monthly": _monthly(total, start, end, first),
    }


def _line(row: CostRow) -> dict[str, Any]:
    return {
        "key": row.key,
        "cost": row.cost.billed,
        "estimated": row.cost.estimated,
        "unknown_calls": row.cost.unknown_calls,
        "calls": row.calls,
        "executions": row.executions,
        "input_tokens": row.tokens.input,
        "output_tokens": row.tokens.output,
    }


def _monthly(total: Decimal, start: int | None, end: int | None, first: int | None) -> Decimal | None:
    first_day = None if first is None else day_bounds(first / 1e6)[0]
    return monthly(total, start, end, first=first_day, now=now_us())
