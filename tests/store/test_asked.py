import time
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import get_type_hints
from zoneinfo import ZoneInfo

import msgspec
import pytest

from kagura.dashboard.period import LOCAL
from kagura.store import Batch, Store
from kagura.store.asked import told
from kagura.store.questions import Ask, EndedQuery, Failed, Told
from kagura.store.reads import RETURNS, decode, encode
from tests.store.things import HOUR, T, llm


def ask(store: Store, method: str, *arguments: object, **named: object) -> Told | Failed:
    raw = {name: msgspec.Raw(encode(value)) for name, value in named.items()}
    return told(store, Ask(method=method, arguments=[msgspec.Raw(encode(value)) for value in arguments], named=raw))


def test_what_is_told_is_what_the_methods_return() -> None:
    for method, returned in RETURNS.items():
        assert get_type_hints(getattr(Store, method))["return"] == returned, method


def test_arguments_and_answers_come_across_whole(store: Store) -> None:
    store.write(Batch(spans=[llm(1, T, user="ann"), llm(2, T + HOUR, agent="other")]))
    for method, arguments, named in (
        ("executions", [], {"limit": 1}),
        ("latest_ended", [EndedQuery(agent="other", min_cost=Decimal("0.0005"))], {"limit": 5}),
        ("costs", ["hour"], {"timezone": ZoneInfo("Asia/Kolkata"), "since": T - 1}),
        ("agent_summary", ["my_agent"], {}),
        ("trace", ["run-1"], {}),
        ("trace", ["nothing"], {}),
    ):
        found = ask(store, method, *arguments, **named)
        assert isinstance(found, Told)
        assert decode(found.value, RETURNS[method]) == getattr(store, method)(*arguments, **named)


@pytest.mark.parametrize(
    ("method", "named"),
    [
        ("write", {}),
        ("__init__", {}),
        ("overview", {"no": 1}),
        ("trace", {"execution_id": [1]}),
        ("executions", {"limit": 1 << 63}),
        ("costs", {"by": "hour", "timezone": []}),
        ("costs", {"by": "hour", "timezone": [(0, 86_400)]}),
    ],
)
def test_nothing_else_can_be_asked(store: Store, method: str, named: dict[str, object]) -> None:
    store.write(Batch(spans=[llm(1)]))
    try:
        found = ask(store, method, **named)
    except msgspec.ValidationError:
        return
    assert isinstance(found, Failed)


def test_what_the_store_refuses_is_told(store: Store) -> None:
    found = ask(store, "costs", "colour")
    assert isinstance(found, Failed)
    assert "cannot be split" in found.message


def test_an_answer_has_a_limit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kagura.store.asked.LARGEST", 10)
    store.write(Batch(spans=[llm(1)]))
    assert isinstance(ask(store, "executions"), Failed)


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/St_Johns")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("local")
@pytest.mark.parametrize("zone", [UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe"), LOCAL])
def test_a_time_zone_comes_across_with_its_summer_times(zone: tzinfo) -> None:
    across = decode(encode(zone), tzinfo)
    begun = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
    for at in range(begun, begun + 500 * 86_400, 1800):
        assert datetime.fromtimestamp(at, across).isoformat() == datetime.fromtimestamp(at, zone).isoformat()
