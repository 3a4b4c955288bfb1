"""One look at the rules: what is measured, what begins to fire, what is over. Changes nothing by itself."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from kagura.alert_settings import duration
from kagura.alerts.measuring import NOTHING, Measured, Rule, late_ends, measure
from kagura.alerts.telling import Event, Kind, make_event, sentence
from kagura.config import AlertSettings
from kagura.errors import StoreError
from kagura.store import AlertChanges, AlertKey, AlertMessage, AlertState, Store

MOST_SUBJECTS = 20
"""Alerts of one rule that may fire at the same time; agents and users may be called anything, and be any number."""

ABANDONED_AFTER = 600_000_000
"""Microseconds after which an alert that nobody looks at any more is forgotten: its rule is gone."""


class Finding(msgspec.Struct, frozen=True):
    """What was measured for a rule and one subject of it."""

    rule: Rule
    subject: str
    measured: Measured
    at: int
    """The end of the window: now, or earlier where something was recorded late."""

    @property
    def breaches(self) -> bool:
        """Whether the value is on the wrong side of the threshold."""
        return self.measured.value is not None and self.rule.condition.holds(self.measured.value)


class Look(msgspec.Struct, frozen=True):
    """The findings of one look at all rules, and which rules could not be looked at."""

    findings: list[Finding]
    failures: dict[str, str]
    """By rule: what the store said."""
    at: int
    late: list[Finding] = []
    """Windows that are over and on the wrong side, where something was recorded late."""
    waiting: frozenset[AlertKey] = frozenset()
    """What is on the wrong side, and not yet for as long as its rule says."""


class Patience:
    """Remembers since when what has not fired yet is on the wrong side; begins anew with the process."""

    def __init__(self) -> None:
        self._since: dict[AlertKey, int] = {}

    def of(self, found: Look) -> Look:
        """The look with what is to wait."""
        breaches = {(row.rule.name, row.subject): row for row in found.findings if row.breaches}
        # A rule that could not be looked at has neither gone on nor stopped.
        kept = {key: at for key, at in self._since.items() if key in breaches or key[0] in found.failures}
        self._since = dict.fromkeys(breaches, found.at) | kept
        waiting = (
            key for key, row in breaches.items() if found.at - self._since[key] < duration(row.rule.settings.lasting)
        )
        return msgspec.structs.replace(found, waiting=frozenset(waiting))


def rules_of(settings: AlertSettings) -> list[Rule]:
    """The rules of the configuration, in its order."""
    return [Rule.of(name, row) for name, row in settings.rules.items()]


def look(store: Store, rules: Iterable[Rule], now: int, oldest: int | None = None) -> Look:
    """Measure every rule; `oldest` is the start of the oldest call that was recorded since the last look."""
    found = Look([], {}, now)
    for rule in rules:
        try:
            now_measured = measure(store, rule, now)
            found.findings.extend(Finding(rule, subject, value, now) for subject, value in now_measured.items())
            found.late.extend(_late(store, rule, now, oldest))
        except StoreError as error:
            found.failures[rule.name] = error.message
    return found


def _late(store: Store, rule: Rule, now: int, oldest: int | None) -> Iterator[Finding]:
    # A rule that waits for too little (`<`) finds it in any window that is looked at before all of it is there.
    # What was on the wrong side for long enough, a single earlier window does not tell either.
    if not rule.condition.operator.startswith("<") and not duration(rule.settings.lasting):
        for end in late_ends(rule, oldest, now):
            found = (Finding(rule, subject, value, end) for subject, value in measure(store, rule, now, end).items())
            yield from (finding for finding in found if finding.breaches)


def changes(found: Look, states: Mapping[AlertKey, AlertState], rules: Sequence[Rule]) -> AlertChanges:
    """What a look changes in the states, and what is to be said about it. Pure."""
    result = AlertChanges()
    # A window that is over can make an alert fire, never keep it firing.
    late = [row for row in found.late if not _fires(states, row)]
    seen = {(row.rule.name, row.subject): row for row in found.findings}
    seen |= {key: row for row in late if not ((key := (row.rule.name, row.subject)) in seen and seen[key].breaches)}
    by_name = {rule.name: rule for rule in rules}
    firing = {name: sum(state.firing and state.rule == name for state in states.values()) for name in by_name}
    for finding in _worst_first(seen.values()):
        name = finding.rule.name
        state = states.get((name, finding.subject))
        if finding.breaches:
            if state is not None and state.firing:
                result.states.append(_kept(state, finding, found.at))
            elif (name, finding.subject) in found.waiting:
                continue
            elif _may_fire(finding, state) and firing[name] < MOST_SUBJECTS:
                firing[name] += 1
                _tell(result, finding, "firing", since=finding.at, at=found.at)
        elif state is not None and state.firing:
            _tell(result, finding, "resolved", since=state.since, at=found.at)
    for key, state in states.items():
        rule = by_name.get(state.rule)
        if not state.firing or key in seen or state.rule in found.failures:
            continue
        if rule is not None:
            _tell(result, Finding(rule, state.subject, NOTHING, found.at), "resolved", since=state.since, at=found.at)
        elif state.evaluated_at < found.at - ABANDONED_AFTER:
            result.forgotten.append(key)
    return result


def _fires(states: Mapping[AlertKey, AlertState], finding: Finding) -> bool:
    state = states.get((finding.rule.name, finding.subject))
    return state is not None and state.firing


def _worst_first(findings: Iterable[Finding]) -> list[Finding]:
    def badness(finding: Finding) -> float:
        value = float(finding.measured.value or 0)
        return value if finding.rule.condition.operator.startswith("<") else -value

    return sorted(findings, key=badness)


def _may_fire(finding: Finding, state: AlertState | None) -> bool:
    """Whether it has been quiet for long enough since the last time."""
    return state is None or finding.at - state.since >= duration(finding.rule.settings.cooldown)


def _kept(state: AlertState, finding: Finding, at: int) -> AlertState:
    return msgspec.structs.replace(
        state,
        evaluated_at=at,
        value=float(finding.measured.value or 0),
        text=sentence(finding.rule, finding.subject, "firing", finding.measured),
    )


def _tell(result: AlertChanges, finding: Finding, kind: Kind, *, since: int, at: int) -> None:
    event = make_event(finding.rule, finding.subject, kind, finding.measured, since, at)
    result.states.append(
        AlertState(
            rule=finding.rule.name,
            subject=finding.subject,
            firing=kind == "firing",
            since=since if kind == "firing" else at,
            evaluated_at=at,
            value=event.value or 0.0,
            text=event.text,
            event_id=event.id,
        )
    )
    if kind == "firing" or finding.rule.settings.resolved:
        result.messages.extend(messages(event, finding.rule.settings.send))


def messages(event: Event, channels: Iterable[str]) -> list[AlertMessage]:
    """The event as one message for each channel, due at once."""
    body = msgspec.json.encode(event).decode()
    return [
        AlertMessage(id=event.id, channel=name, rule=event.alert, body=body, created_at=event.at, due_at=event.at)
        for name in dict.fromkeys(channels)
    ]
