"""What fires, stays, is over and stays quiet: pure, from findings and states."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from kagura.alerts.evaluation import ABANDONED_AFTER, MOST_SUBJECTS, Finding, Look, Patience, changes, look
from kagura.alerts.measuring import Measured, Rule
from kagura.alerts.telling import Event
from kagura.store import AlertChanges, AlertKey, AlertState, Batch, Store
from tests.alerts.samples import rule
from tests.store.things import HOUR, MINUTE, T, cost, llm

SPEND = rule("cost > $5 in 1h", name="spend", cooldown="15m", send=["log", "pager", "log"])


class Clockwork:
    """Applies look after look to the states, as the store would."""

    def __init__(self, rules: list[Rule]) -> None:
        self.rules = rules
        self.states: dict[AlertKey, AlertState] = {}
        self.said: list[tuple[str, str]] = []
        self.patience = Patience()

    def at(self, minute: float, *values: float | None, failures: Iterable[str] = ()) -> AlertChanges:
        """A look at this minute: one value for each rule."""
        now = T + round(minute * MINUTE)
        findings = [
            Finding(rule, "", Measured(value=value), now)
            for rule, value in zip(self.rules, values, strict=False)
            if rule.name not in failures
        ]
        return self.apply(Look(findings, dict.fromkeys(failures, "broken"), now))

    def apply(self, found: Look) -> AlertChanges:
        result = changes(self.patience.of(found), self.states, self.rules)
        self.states |= {(state.rule, state.subject): state for state in result.states}
        for key in result.forgotten:
            del self.states[key]
        for message in result.messages:
            event = msgspec.json.decode(message.body, type=Event)
            self.said.append((event.kind, message.channel))
        return result

    def kinds(self) -> list[str]:
        return [kind for kind, channel in self.said if channel == "log"]


def test_it_fires_once_for_each_channel_and_is_over_once() -> None:
    watch = Clockwork([SPEND])
    for minute, value in enumerate((4, 6, 7, 6, 5, 4)):
        watch.at(minute, value)
    assert watch.said == [("firing", "log"), ("firing", "pager"), ("resolved", "log"), ("resolved", "pager")]
    state = watch.states["spend", ""]
    assert (state.firing, state.since) == (False, T + 4 * MINUTE)


def test_while_it_fires_its_value_and_its_words_follow() -> None:
    watch = Clockwork([SPEND])
    first = watch.at(0, 6).states[0]
    later = watch.at(3, 7.25).states[0]
    assert (first.value, later.value) == (6, 7.25)
    assert later.text == "spend: cost $7.25 > $5 in 1h"
    assert (later.since, later.event_id) == (first.since, first.event_id)
    assert later.evaluated_at > first.evaluated_at


def test_after_it_was_over_it_stays_quiet_for_a_while_and_then_fires_again() -> None:
    watch = Clockwork([SPEND])
    for minute, value in ((0, 6), (1, 4), (2, 6), (15.9, 6), (16, 6)):
        watch.at(minute, value)
    assert watch.kinds() == ["firing", "resolved", "firing"]
    assert watch.states["spend", ""].since == T + 16 * MINUTE


def test_without_a_cooldown_it_fires_at_once() -> None:
    watch = Clockwork([rule("cost > $5 in 1h", name="spend", cooldown="0s")])
    for minute, value in enumerate((6, 4, 6)):
        watch.at(minute, value)
    assert watch.kinds() == ["firing", "resolved", "firing"]


def test_nobody_need_be_told_that_it_is_over() -> None:
    watch = Clockwork([rule("cost > $5 in 1h", name="spend", resolved=False)])
    watch.at(0, 6)
    watch.at(1, 4)
    assert watch.kinds() == ["firing"]
    assert not watch.states["spend", ""].firing


def test_a_rule_that_cannot_be_measured_stays_as_it_is() -> None:
    watch = Clockwork([SPEND])
    watch.at(0, 6)
    assert watch.at(1, 4, failures=["spend"]) == AlertChanges()
    assert watch.states["spend", ""].firing


def test_where_nothing_is_left_to_measure_it_is_over() -> None:
    watch = Clockwork([SPEND])
    watch.at(0, 6)
    watch.at(1, None)
    assert watch.kinds() == ["firing", "resolved"]
    assert watch.states["spend", ""].text == "spend: over; cost nothing measured, the alert is at > $5 in 1h"


def test_a_subject_that_is_gone_is_over() -> None:
    split = rule("cost > $5 in 1h", name="spend", each="agent")
    watch = Clockwork([split])
    watch.apply(Look([Finding(split, "a", Measured(value=6), T)], {}, T))
    watch.apply(Look([], {}, T + MINUTE))
    assert watch.kinds() == ["firing", "resolved"]
    assert watch.states["spend", "a"].text.endswith("(agent a)")


def test_any_number_of_agents_cannot_flood_a_channel_and_the_worst_are_told() -> None:
    split = rule("cost > $5 in 1h", name="spend", each="agent")
    watch = Clockwork([split])
    findings = [Finding(split, f"agent-{n}", Measured(value=Decimal(n)), T) for n in range(1000)]
    for _ in range(3):
        watch.apply(Look(findings, {}, T))
    assert watch.kinds() == ["firing"] * MOST_SUBJECTS
    assert {subject for _, subject in watch.states} == {f"agent-{n}" for n in range(1000 - MOST_SUBJECTS, 1000)}


def test_an_alert_whose_rule_is_gone_is_forgotten_after_a_while() -> None:
    watch = Clockwork([SPEND])
    watch.at(0, 6)
    watch.rules = []
    watch.at(1)
    assert watch.states
    watch.at(1 + ABANDONED_AFTER / MINUTE)
    assert not watch.states
    assert watch.kinds() == ["firing"]


def test_each_firing_has_an_id_of_its_own_and_all_channels_share_it() -> None:
    watch = Clockwork([SPEND])
    first = watch.at(0, 6).messages
    watch.at(1, 4)
    second = watch.at(30, 6).messages
    assert [message.channel for message in first] == ["log", "pager"]
    assert len({message.id for message in first}) == 1
    assert first[0].id != second[0].id
    assert first[0].id.startswith("msg_")


def test_what_is_stored_late_fires_for_its_own_window_and_is_over_at_the_next_look(store: Store) -> None:
    now = T + 5 * HOUR
    watch = Clockwork([SPEND])
    store.write(Batch(spans=[llm(1, T, cost=cost("4")), llm(2, T + 30 * MINUTE, cost=cost("4"))]))
    watch.apply(look(store, watch.rules, now, oldest=None))
    assert watch.kinds() == []
    watch.apply(look(store, watch.rules, now, oldest=T))
    assert watch.kinds() == ["firing"]
    assert watch.states["spend", ""].since < T + 2 * HOUR
    watch.apply(look(store, watch.rules, now + MINUTE, oldest=now))
    assert watch.kinds() == ["firing", "resolved"]


def test_windows_that_are_over_never_keep_it_firing_nor_fire_it_again() -> None:
    watch = Clockwork([SPEND])
    hour_ago = Finding(SPEND, "", Measured(value=9), T)
    quiet = Finding(SPEND, "", Measured(value=1), T + HOUR)
    for minute in range(3):
        at = T + HOUR + minute * MINUTE
        watch.apply(Look([msgspec.structs.replace(quiet, at=at)], {}, at, [hour_ago]))
    assert watch.kinds() == ["firing", "resolved"]
    assert watch.states["spend", ""].text.startswith("spend: over; cost $1.00")


def test_a_present_breach_counts_more_than_a_late_one() -> None:
    watch = Clockwork([SPEND])
    now = T + HOUR
    late, present = Finding(SPEND, "", Measured(value=9), T), Finding(SPEND, "", Measured(value=6), now)
    watch.apply(Look([present], {}, now, [late]))
    assert watch.states["spend", ""].value == 6
    assert watch.states["spend", ""].since == now


def test_names_from_outside_are_harmless_in_what_is_said(store: Store) -> None:
    evil = "a\x1b]0;x\x07\u202e\n<!channel>\u200b" + "z" * 500
    split = rule("cost > $5 in 1h", name="spend", each="agent")
    store.write(Batch(spans=[llm(1, agent=evil, cost=cost("9"))]))
    (finding,) = look(store, [split], T + MINUTE).findings
    text = changes(Look([finding], {}, T), {}, [split]).states[0].text
    assert text.isprintable()
    assert len(text) < 200


PATIENT = rule("error rate > 20% in 10m", name="failing", lasting="5m")


def test_a_rule_with_for_fires_once_it_was_on_the_wrong_side_for_so_long() -> None:
    watch = Clockwork([PATIENT])
    for minute in range(8):
        watch.at(minute, 50)
        assert watch.kinds() == (["firing"] if minute >= 5 else [])
    watch.at(8, 10)
    assert watch.kinds() == ["firing", "resolved"]


def test_a_rule_with_for_begins_to_wait_anew_after_a_good_moment() -> None:
    watch = Clockwork([PATIENT])
    for minute, value in ((0, 50), (4, 50), (4.5, 10), (5, 50), (9.5, 50)):
        watch.at(minute, value)
    assert watch.kinds() == []
    watch.at(9.8, failures=["failing"])
    watch.at(10, 50)
    assert watch.kinds() == ["firing"]


def test_a_window_that_is_over_does_not_make_a_patient_rule_fire(sqlite_url: str) -> None:
    with Store.open(sqlite_url) as store:
        store.write(Batch(spans=[llm(1, T, cost=cost("9"))]))
        found = look(store, [rule("cost > $5 in 1h", lasting="5m")], T + 3 * HOUR, oldest=T)
        assert found.late == []
        assert look(store, [rule("cost > $5 in 1h")], T + 3 * HOUR, oldest=T).late
