"""An alert in words, and as the event that channels and programs get."""

import secrets
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

from kagura.alert_settings import Unit
from kagura.alerts.measuring import Measured, Rule, Value
from kagura.alerts.names import plain

Kind = Literal["firing", "resolved", "test"]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What is told: that an alert fires, is over, or is only tried."""

    id: str
    """Begins with `msg_`; the same for every channel and every try."""
    kind: Kind
    alert: str
    text: str
    """One sentence, safe for a terminal."""
    condition: str
    value: float | None
    threshold: float
    unit: Unit
    window_seconds: int
    scope: dict[str, str]
    subject: str
    """What the rule was split by (empty where it was not), as its caller named it."""
    detail: str
    since: int
    at: int

    def document(self) -> dict[str, Any]:
        """The event as JSON, in the form of Standard Webhooks: type, timestamp, data."""
        return {
            "type": f"alert.{self.kind}",
            "timestamp": iso(self.at),
            "data": {
                "id": self.id,
                "alert": self.alert,
                "text": self.text,
                "condition": self.condition,
                "value": self.value,
                "threshold": self.threshold,
                "unit": self.unit,
                "window_seconds": self.window_seconds,
                "scope": self.scope,
                "subject": self.subject or None,
                "detail": self.detail,
                "since": iso(self.since),
            },
        }


def new_event_id() -> str:
    """A random id in the form that Standard Webhooks use."""
    return f"msg_{secrets.token_hex(12)}"


def iso(at: int) -> str:
    """An instant in UTC, as `2025-10-10T17:45:23Z`."""
    return datetime.fromtimestamp(at // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def make_event(rule: Rule, subject: str, kind: Kind, measured: Measured, since: int, at: int) -> Event:
    """The event that tells of a rule's value."""
    condition = rule.condition
    return Event(
        id=new_event_id(),
        kind=kind,
        alert=rule.name,
        text=sentence(rule, subject, kind, measured),
        condition=rule.settings.when,
        value=None if measured.value is None else float(measured.value),
        threshold=float(condition.threshold),
        unit=condition.metric.unit,
        window_seconds=(at - condition.since(at)) // 1_000_000,
        scope=rule.scope,
        subject=subject,
        detail=plain(measured.detail) if measured.detail else "",
        since=since,
        at=at,
    )


def sentence(rule: Rule, subject: str, kind: Kind, measured: Measured) -> str:
    """What is said in one line: `spend: cost $7.20 > $5 in 1h (agent research)`."""
    condition = rule.condition
    value = "nothing measured" if measured.value is None else shown(condition.metric.unit, measured.value)
    now = f"{condition.metric.name} {value}"
    about = [*_about(rule, subject), *([plain(measured.detail)] if measured.detail else [])]
    where = f" ({'; '.join(about)})" if about else ""
    head = plain(rule.name)
    if kind == "test":
        return f"{head}: this is a test, the alert is {condition.metric.name} {limit(rule)}"
    if kind == "resolved":
        return f"{head}: over; {now}, the alert is at {limit(rule)}{where}"
    return f"{head}: {now} {limit(rule)}{where}"


def _about(rule: Rule, subject: str) -> list[str]:
    each = rule.settings.each
    parts = [f"{name.removeprefix('tag:')} {plain(value)}" for name, value in rule.scope.items() if name != each]
    return [*parts, f"{each.removeprefix('tag:')} {plain(subject)}"] if each else parts


def limit(rule: Rule) -> str:
    """The comparison and its threshold as the configuration has them: `> $5 in 1h`, `> $20 today`."""
    when, calendar = " ".join(rule.settings.when.split()), rule.condition.calendar
    said = when[when.index(rule.condition.operator) :]
    return f"{said} {calendar}" if calendar and not said.lower().endswith(calendar) else said


def shown(unit: Unit, value: Value) -> str:
    """A value with its unit: `$7.20`, `12.5%`, `31.2s`, `1,200`."""
    if unit == "money":
        return f"${value:,.2f}" if value == 0 or value >= Decimal("0.1") else f"${value:.4f}"
    if unit == "percent":
        return f"{_short(value)}%"
    if unit == "seconds":
        if value < 1:
            return f"{round(value * 1000)}ms"
        return f"{_short(value)}s" if value < 120 else span(round(value) * 1_000_000)
    return f"{_short(value)}"


def _short(value: Value) -> str:
    return f"{value:,.1f}".removesuffix(".0")


def span(microseconds: int) -> str:
    """A duration in at most two units: `1h`, `1h 30m`."""
    seconds = microseconds // 1_000_000
    parts = []
    for name, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{name}")
    return " ".join(parts[:2]) or "0s"
