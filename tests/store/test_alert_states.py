"""States and messages of alerts: whole or not at all, and no message to two senders."""

import threading

import msgspec
import pytest

from kagura.store import AlertChanges, AlertMessage, AlertState, Store
from tests.store.things import DAY, SECOND, T


def state(**changes: object) -> AlertState:
    plain = AlertState(
        rule="spend", firing=True, since=T, evaluated_at=T, value=7.25, text="too much", event_id="msg_1"
    )
    return msgspec.structs.replace(plain, **changes)


def message(number: int = 1, **changes: object) -> AlertMessage:
    plain = AlertMessage(
        id=f"msg_{number}", channel="log", rule="spend", body="{}", created_at=T + number, due_at=T + number
    )
    return msgspec.structs.replace(plain, **changes)


def test_what_fires_can_be_asked_for(store: Store) -> None:
    assert store.firing_alerts() == []
    rows = [state(), state(rule="late", since=T + 5), state(rule="over", firing=False), state(subject="agent\0x")]
    store.settle_alerts(lambda states: AlertChanges(states=rows), T)
    assert [(row.rule, row.subject) for row in store.firing_alerts()] == [
        ("late", ""),
        ("spend", ""),
        ("spend", "agent\ufffdx"),
    ]
    assert store.firing_alerts()[1] == state()
    assert store.alerts_evaluated_at() == T


def test_a_state_is_replaced_and_forgotten(store: Store) -> None:
    store.settle_alerts(lambda states: AlertChanges(states=[state()]), T)
    store.settle_alerts(lambda states: AlertChanges(states=[state(firing=False, since=T + 9)]), T + 1)
    assert store.alert_states() == [state(firing=False, since=T + 9)]
    store.settle_alerts(lambda states: AlertChanges(forgotten=list(states)), T + 2)
    assert store.alert_states() == []
    assert store.alerts_evaluated_at() == T + 2


def test_a_change_that_fails_leaves_nothing_behind(store: Store) -> None:
    broken = AlertChanges(states=[state()], messages=[message(), message()])
    with pytest.raises(Exception, match=r"(?i)unique"):
        store.settle_alerts(lambda states: broken, T)
    assert store.alert_states() == []
    assert store.alert_messages() == []
    assert store.alerts_evaluated_at() is None


def test_a_message_is_taken_once_and_comes_back_where_nobody_reports(store: Store) -> None:
    store.settle_alerts(lambda states: AlertChanges(messages=[message(2), message(1)]), T)
    assert store.take_messages(T, 10 * SECOND) == []
    taken = store.take_messages(T + 5, 10 * SECOND)
    assert [row.id for row in taken] == ["msg_1", "msg_2"]
    assert store.take_messages(T + 6, 10 * SECOND) == []
    again = store.take_messages(T + 5 + 10 * SECOND, 10 * SECOND)
    assert [(row.id, row.attempts) for row in again] == [("msg_1", 1), ("msg_2", 1)]


def test_what_was_said_or_given_up_does_not_come_back(store: Store) -> None:
    store.settle_alerts(lambda states: AlertChanges(messages=[message(1), message(2), message(3)]), T)
    one, two, three = store.take_messages(T + 5, SECOND)
    store.message_delivered(one, T + 6)
    store.message_failed(two, "no\0way", T + DAY)
    store.message_failed(three, "never", None)
    assert store.take_messages(T + DAY - 1, SECOND) == []
    assert [row.id for row in store.take_messages(T + DAY, SECOND)] == ["msg_2"]
    known = {row.id: row for row in store.alert_messages()}
    assert (known["msg_1"].delivered_at, known["msg_1"].error) == (T + 6, None)
    assert known["msg_2"].error == "no\ufffdway"
    assert (known["msg_3"].due_at, known["msg_3"].error) == (None, "never")


def test_old_messages_go_with_new_ones(store: Store) -> None:
    store.settle_alerts(lambda states: AlertChanges(messages=[message(1)]), T)
    store.settle_alerts(lambda states: AlertChanges(messages=[message(2, created_at=T + 31 * DAY)]), T)
    assert [row.id for row in store.alert_messages()] == ["msg_2"]


def test_of_many_watches_one_fires_and_one_sends(lasting_url: str) -> None:
    """Several collectors on one database find the same thing at the same moment."""
    told, sent = [], []
    barrier = threading.Barrier(6)
    with Store.open(lasting_url):
        pass

    def work(number: int) -> None:
        with Store.open(lasting_url) as store:
            barrier.wait()
            mine = state(event_id=f"msg_{number}")
            changed = store.settle_alerts(
                lambda states: (
                    AlertChanges() if states else AlertChanges(states=[mine], messages=[message(number, due_at=T)])
                ),
                T,
            )
            told.extend(changed.messages)
            barrier.wait()
            sent.extend(store.take_messages(T, DAY))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 1
    assert [row.id for row in sent] == [told[0].id]
