"""The ends of a window are summed by the database exactly as whole slots are summed by us."""

from collections.abc import Sequence

import pytest

from kagura.model import Span, SpanKind, Usage
from kagura.store import Batch, Store
from kagura.store.accounting import SLOT_KEY
from kagura.store.schema import SLOT
from kagura.store.usage import grouped_usage
from tests.store.things import asks, cost, failed, llm, running, tool

SLOT_START = 1_960_000 * SLOT


def some_of_everything() -> list[Span]:
    return [
        llm(
            1, usage=Usage(input=9, output=4, cache_read=3, cache_write=2, reasoning=1), tool_calls=asks("a", "a", "b")
        ),
        llm(2, attempt=2, cost=cost("1", estimated=True), provider="anthropic"),
        llm(3, response_model="", cost=cost(None), user="ann"),
        llm(4, response_model=None, request_model=None, provider=None, kind=SpanKind.EMBEDDING),
        running(5, agent="other"),
        failed(6),
        tool(7),
        tool(8, name="long" * 100, cost=cost("2")),
        llm(9, kind=SpanKind.AGENT, cost=cost("50")),
        llm(10, kind=SpanKind.SPAN, cost=cost("3")),
        running(11, kind=SpanKind.TOOL),
    ]


@pytest.mark.parametrize("by", [SLOT_KEY, ("kind",), ("agent", "name"), ("slot", "provider"), ("name", "kind")])
@pytest.mark.parametrize("agent", [None, "my_agent"])
def test_an_end_of_a_window_is_like_a_whole_slot(store: Store, by: Sequence[str], agent: str | None) -> None:
    spans = some_of_everything()
    for span in spans:
        span.ended_at = span.ended_at and SLOT_START + span.ended_at - span.started_at
        span.started_at = SLOT_START
    store.write(Batch(spans=spans))
    with store.reading() as connection:
        whole = grouped_usage(connection, by, since=SLOT_START, until=SLOT_START + SLOT, agent=agent)
        end = grouped_usage(connection, by, since=SLOT_START, until=SLOT_START + 1, agent=agent)
        nothing = grouped_usage(connection, by, since=SLOT_START + 1, until=SLOT_START + SLOT - 1, agent=agent)
    assert whole == end
    assert whole
    assert nothing == {}
