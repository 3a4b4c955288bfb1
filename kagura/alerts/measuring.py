"""What a rule is about, measured over its window: one value for everything, or one for each agent, model, user, …"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from fnmatch import fnmatchcase

import msgspec

from kagura.alert_settings import AlertRule, Condition, ends
from kagura.store import Store
from kagura.store.alert_figures import SAMPLE

RUNS_SHOWN = 200
"""Runs that a rule for all of them looks at: the furthest gone."""

_PICO = Decimal(10) ** 12
_MINUTE = 60_000_000

Value = Decimal | float


class Measured(msgspec.Struct, frozen=True):
    """A value, and what stands behind it."""

    value: Value | None
    """`None` where it cannot be told: no call, or fewer than the rule wants."""
    samples: int = 0
    """Calls or runs that it was made of."""
    detail: str = ""
    """What a reader wants to know beside it: the run, the tool, the part that is estimated. May hold foreign names."""


NOTHING = Measured(value=None)


class Window(msgspec.Struct, frozen=True):
    """The time that a value is taken over; `until=None` means up to now, and what is not yet there."""

    since: int
    until: int | None
    now: int


class Rule(msgspec.Struct, frozen=True):
    """A rule of the configuration, with its condition read."""

    name: str
    settings: AlertRule
    condition: Condition

    @classmethod
    def of(cls, name: str, settings: AlertRule) -> "Rule":
        """The rule that the settings describe. Raises ValueError where the condition cannot be read."""
        return cls(name, settings, settings.condition)

    @property
    def scope(self) -> dict[str, str]:
        """The dimensions that the rule is limited to, each with its pattern."""
        given = {name: getattr(self.settings, name) for name in ("agent", "model", "provider", "user")}
        found = {name: pattern for name, pattern in given.items() if pattern is not None}
        if self.settings.tag:
            key, _, value = self.settings.tag.partition("=")
            found[f"tag:{key}"] = value
        return found


def measure(store: Store, rule: Rule, now: int, until: int | None = None) -> dict[str, Measured]:
    """The rule's value in the window that ends at `until` (`None` means now), by subject.

    A rule that is not split has the one subject `""`, whether anything happened or not. Raises StoreError where the
    store cannot answer, or not in time.
    """
    since = rule.condition.since(now if until is None else until)
    found = _SOURCES[rule.condition.metric.source](store, rule, Window(since, until, now))
    if rule.settings.each is None:
        return {"": found.get("", _empty(store, rule, since))}
    found.pop("", None)
    return found


def _empty(store: Store, rule: Rule, since: int) -> Measured:
    """What is measured where nothing happened: a count is zero then, a rate is nothing."""
    metric = rule.condition.metric
    if metric.is_rate or metric.source in ("runs", "tools"):
        return NOTHING
    return NOTHING if _too_young(store, rule, since) else Measured(value=0)


def _too_young(store: Store, rule: Rule, since: int) -> bool:
    """Whether too little was recorded to call it too little: a rule with `<` waits for a whole window."""
    if not rule.condition.operator.startswith("<"):
        return False
    first = store.first_activity()
    return first is None or first > since


def _dimensions(rule: Rule) -> list[str]:
    return list(dict.fromkeys([*rule.scope, *([rule.settings.each] if rule.settings.each else [])]))


def _subject(rule: Rule, dimensions: Sequence[str], key: Sequence[str]) -> str | None:
    """Whose value a group counts to; `None` where the rule does not look at it."""
    values = dict(zip(dimensions, key, strict=True))
    if not all(values[name] and fnmatchcase(values[name], pattern) for name, pattern in rule.scope.items()):
        return None
    return values[rule.settings.each] if rule.settings.each else ""


def _from_sums(store: Store, rule: Rule, window: Window) -> dict[str, Measured]:
    dimensions = _dimensions(rule)
    totals: dict[str, dict[str, int]] = {}
    for key, row in store.window_sums(dimensions, window.since, window.until).items():
        subject = _subject(rule, dimensions, key)
        if subject is not None:
            total = totals.setdefault(subject, dict.fromkeys(row, 0))
            for name, more in row.items():
                total[name] += more
    too_young = _too_young(store, rule, window.since)
    lasts = max((window.now if window.until is None else window.until) - window.since, _MINUTE)
    return {subject: _sum(rule, _Totals(row, lasts), too_young=too_young) for subject, row in totals.items()}


def _sum(rule: Rule, totals: "_Totals", *, too_young: bool) -> Measured:
    metric = rule.condition.metric
    if (metric.is_rate and totals.finished < rule.settings.min_calls) or too_young:
        return Measured(value=None, samples=totals.finished)
    value, detail = _FIGURES[metric.what](totals)
    return Measured(value=value, samples=totals.finished, detail=detail)


class _Totals(msgspec.Struct, frozen=True):
    """The sums of a window."""

    row: dict[str, int]
    window: int

    @property
    def requests(self) -> int:
        return self.row["calls"] + self.row["retries"]

    @property
    def finished(self) -> int:
        return self.requests - self.row["running"]


def _cost(totals: _Totals) -> tuple[Value, str]:
    row = totals.row
    pico = row["cost_billed"] + row["cost_estimated"]
    return pico / _PICO, _estimated(row["cost_estimated"], row["unknown_cost_calls"])


def _error_rate(totals: _Totals) -> tuple[Value, str]:
    errors = totals.row["errors"]
    return 100 * errors / totals.finished, f"{errors:,} of {totals.finished:,} calls"


_FIGURES: dict[str, Callable[[_Totals], tuple[Value, str]]] = {
    "cost": _cost,
    "tokens": lambda totals: (totals.row["input_tokens"] + totals.row["output_tokens"], ""),
    "input_tokens": lambda totals: (totals.row["input_tokens"], ""),
    "output_tokens": lambda totals: (totals.row["output_tokens"], ""),
    "requests": lambda totals: (totals.requests, ""),
    "requests_per_minute": lambda totals: (totals.requests * _MINUTE / totals.window, ""),
    "errors": lambda totals: (totals.row["errors"], ""),
    "error_rate": _error_rate,
    "unknown_cost_calls": lambda totals: (totals.row["unknown_cost_calls"], ""),
}


def _estimated(pico: int, unknown: int = 0) -> str:
    """What is not certain about a sum of money."""
    parts = [f"${pico / _PICO:.4f} of it estimated"] if pico else []
    if unknown:
        parts.append(f"{unknown:,} more call{'' if unknown == 1 else 's'} of unknown cost")
    return ", ".join(parts)


def _from_samples(store: Store, rule: Rule, window: Window) -> dict[str, Measured]:
    metric = rule.condition.metric
    dimensions = _dimensions(rule)
    times: dict[str, list[int]] = defaultdict(list)
    for key, some in store.call_times(dimensions, metric.what, window.since, window.until).items():
        subject = _subject(rule, dimensions, key)
        if subject is not None:
            times[subject] += some
    return {subject: _percentile(rule, sorted(some)) for subject, some in times.items()}


def _percentile(rule: Rule, times: Sequence[int]) -> Measured:
    count = len(times)
    if count < rule.settings.min_calls:
        return Measured(value=None, samples=count)
    at = max(-(-count * round(100 * (rule.condition.metric.quantile or 0)) // 100) - 1, 0)
    return Measured(value=times[at] / 1e6, samples=count, detail=f"of {count:,} calls")


def _from_runs(store: Store, rule: Rule, window: Window) -> dict[str, Measured]:
    is_cost = rule.condition.metric.what == "cost"
    dimensions = _dimensions(rule)
    worst: dict[str, list[tuple[Value, str, str]]] = defaultdict(list)
    largest = not rule.condition.operator.startswith("<")
    limit = RUNS_SHOWN if set(dimensions) <= {"run"} else SAMPLE
    for run in store.run_figures(window.since, window.now, by=rule.condition.metric.what, largest=largest, limit=limit):
        values = {"agent": run.agent, "user": run.user, "run": run.id}
        subject = _subject(rule, dimensions, [values.get(name, run.tags.get(name[4:], "")) for name in dimensions])
        if subject is not None:
            value: Value = run.cost / _PICO if is_cost else run.duration / 1e6
            worst[subject].append((value, run.id, _estimated(run.estimated) if is_cost else ""))
    return {subject: _worst(rule, found) for subject, found in worst.items()}


def _from_tools(store: Store, rule: Rule, window: Window) -> dict[str, Measured]:
    dimensions = _dimensions(rule)
    worst: dict[str, list[tuple[Value, str, str]]] = defaultdict(list)
    for found in store.tool_repeats(window.since, window.until):
        values = {"agent": found.agent, "user": found.user, "run": found.run}
        subject = _subject(rule, dimensions, [values[name] for name in dimensions])
        if subject is not None:
            worst[subject].append((found.times, found.run, f"{found.tool}({found.arguments[:40]})"))
    return {subject: _worst(rule, some) for subject, some in worst.items()}


def _worst(rule: Rule, found: Iterable[tuple[Value, str, str]]) -> Measured:
    """The run that is furthest gone, and how many others are on the wrong side as well."""
    rows = sorted(found, key=lambda row: row[0], reverse=not rule.condition.operator.startswith("<"))
    value, run, detail = rows[0]
    others = sum(rule.condition.holds(row[0]) for row in rows[1:])
    said = [f"run {run}", *([detail] if detail else []), *([f"{others:,} more like it"] if others else [])]
    return Measured(value=value, samples=len(rows), detail=", ".join(said))


_Measuring = Callable[[Store, Rule, Window], dict[str, Measured]]
_SOURCES: dict[str, _Measuring] = {
    "sums": _from_sums,
    "samples": _from_samples,
    "runs": _from_runs,
    "tools": _from_tools,
}


def late_ends(rule: Rule, oldest: int | None, now: int, most: int = 12) -> Iterator[int]:
    """Ends of earlier windows that hold what was recorded late, the oldest of it at `oldest`.

    A call counts to the time at which it began, and is recorded when it has ended, or when a store that was away is
    back: the window that it belongs to may be over by then.
    """
    window = rule.condition.window
    if oldest is None or oldest >= rule.condition.since(now) or rule.condition.metric.source == "runs":
        return
    if rule.condition.calendar:
        # The last instant of each day, or month; of more than `most` the latest.
        over = [ends(rule.condition.calendar, oldest)]
        while (following := ends(rule.condition.calendar, over[-1])) <= now:
            over.append(following)
        yield from (end - 1 for end in over[-most:])
        return
    step = max(window // 4, (now - oldest) // most)
    end = oldest + step
    while end < now:
        yield end
        end += step
