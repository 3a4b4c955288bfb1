"""Messages reach their channels once, or again under the same id; a dead channel holds nobody up."""

import threading
from pathlib import Path

from kagura.alerts.channels import Channel
from kagura.alerts.delivery import BACKOFF_SECONDS, LEASE_US, Delivery, try_channels
from kagura.alerts.evaluation import messages
from kagura.alerts.telling import Event
from kagura.config import Settings
from kagura.store import AlertChanges, Store
from tests.alerts.samples import event
from tests.store.things import SECOND, T


class Stage:
    """A store, a clock that the test sets, and channels that do as the test says."""

    def __init__(self, store: Store, home: Path) -> None:
        self.store = store
        self.now = T
        self.answers: dict[str, str | None] = {}
        self.said: list[tuple[str, str]] = []
        self.delivery = Delivery(store, Settings(home=home), self.channel, lambda: self.now)

    def channel(self, name: str, _settings: Settings) -> Channel:
        def say(event: Event) -> str | None:
            self.said.append((name, event.id))
            return self.answers.get(name)

        return say

    def tell(self, number: int, *channels: str) -> None:
        self.store.settle_alerts(
            lambda _states: AlertChanges(messages=messages(event(id=f"msg_{number}", at=T + number), channels)), T
        )


def test_what_is_due_is_said_once(store: Store, tmp_path: Path) -> None:
    stage = Stage(store, tmp_path)
    stage.tell(0, "a", "b")
    assert stage.delivery.deliver() == 2
    assert sorted(stage.said) == [("a", "msg_0"), ("b", "msg_0")]
    stage.now += 10 * LEASE_US
    assert stage.delivery.deliver() == 0
    assert len(stage.said) == 2


def test_a_channel_that_fails_is_tried_again_ever_more_rarely_and_then_given_up(store: Store, tmp_path: Path) -> None:
    stage = Stage(store, tmp_path)
    stage.tell(0, "dead", "alive")
    stage.answers["dead"] = "it answered 500"
    stage.delivery.deliver()
    for pause in BACKOFF_SECONDS:
        before = len(stage.said)
        stage.now += pause * SECOND - 1
        assert stage.delivery.deliver() == 0
        assert len(stage.said) == before
        stage.now += 1
        stage.delivery.deliver()
        assert len(stage.said) == before + 1
    stage.now += LEASE_US * 1000
    stage.delivery.deliver()
    assert stage.said.count(("alive", "msg_0")) == 1
    assert stage.said.count(("dead", "msg_0")) == 1 + len(BACKOFF_SECONDS)
    (failed,) = [row for row in store.alert_messages() if row.delivered_at is None]
    assert (failed.channel, failed.error, failed.due_at) == ("dead", "it answered 500", None)


def test_a_channel_that_is_back_gets_everything_in_order_under_the_same_ids(store: Store, tmp_path: Path) -> None:
    stage = Stage(store, tmp_path)
    for number in range(3):
        stage.tell(number, "a")
    stage.now += SECOND
    stage.answers["a"] = "it answered 503"
    stage.delivery.deliver()
    assert stage.said == [("a", "msg_0")]
    stage.answers["a"] = None
    stage.now += BACKOFF_SECONDS[0] * SECOND
    stage.delivery.deliver()
    assert stage.said[1:] == [("a", "msg_0"), ("a", "msg_1"), ("a", "msg_2")]


def test_a_sender_that_died_is_followed_by_another_with_the_same_id(store: Store, tmp_path: Path) -> None:
    stage = Stage(store, tmp_path)
    stage.tell(0, "a")
    store.take_messages(stage.now, LEASE_US)
    assert stage.delivery.deliver() == 0
    stage.now += LEASE_US
    assert stage.delivery.deliver() == 1
    assert stage.said == [("a", "msg_0")]


def test_a_channel_that_raises_is_a_channel_that_fails(store: Store, tmp_path: Path) -> None:
    def broken(_name: str, _settings: Settings) -> Channel:
        def say(_event: Event) -> str | None:
            raise RuntimeError("with a token in it")

        return say

    stage = Stage(store, tmp_path)
    stage.tell(0, "a")
    Delivery(store, Settings(home=tmp_path), broken, lambda: stage.now).deliver()
    (row,) = store.alert_messages()
    assert row.error == "RuntimeError"


def test_a_channel_that_hangs_holds_no_other_up(sqlite_url: str, tmp_path: Path) -> None:
    released, others = threading.Event(), threading.Barrier(2)

    def channel(name: str, _settings: Settings) -> Channel:
        def say(_event: Event) -> str | None:
            if name == "hangs":
                released.wait(30)
            else:
                others.wait(30)
            return None

        return say

    with Store.open(sqlite_url) as store:
        stage = Stage(store, tmp_path)
        stage.tell(0, "hangs", "quick")
        delivery = Delivery(store, Settings(home=tmp_path), channel, lambda: T)
        thread = threading.Thread(target=delivery.deliver)
        thread.start()
        others.wait(30)
        released.set()
        thread.join()
        assert all(row.delivered_at for row in store.alert_messages())


def test_a_trial_says_what_each_channel_answered(tmp_path: Path) -> None:
    answers = try_channels(Settings(home=tmp_path), event(kind="test"), ["log", "nowhere"])
    assert answers["log"][0] is None
    assert answers["nowhere"][0] == "no such channel is configured any more"
    assert (tmp_path / "alerts.jsonl").exists()
