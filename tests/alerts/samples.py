"""Rules and findings for the tests."""

from typing import Any

from kagura.alert_settings import AlertRule
from kagura.alerts.measuring import Rule
from kagura.alerts.telling import Event
from tests.store.things import T


def rule(when: str, name: str = "watched", **fields: Any) -> Rule:
    """A rule as config.yaml would have it."""
    return Rule.of(name, AlertRule(when=when, **fields))


def event(**changes: Any) -> Event:
    """An alert that fires."""
    fields: dict[str, Any] = {
        "id": "msg_1",
        "kind": "firing",
        "alert": "spend",
        "text": "spend: cost $7.20 > $5 in 1h",
        "condition": "cost > $5 in 1h",
        "value": 7.2,
        "threshold": 5.0,
        "unit": "money",
        "window_seconds": 3600,
        "scope": {},
        "subject": "",
        "detail": "",
        "since": T,
        "at": T,
    }
    return Event(**fields | changes)
