"""Whatever is written in whatever order: the sums are those of counting everything afresh."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kagura.model import Span, SpanKind, Status, Usage
from kagura.store import Batch, Store
from tests.store.things import MINUTE, SECOND, T, asks, cost, llm

RANK = {Status.RUNNING: 0, Status.INTERRUPTED: 1, Status.COMPLETED: 2, Status.FAILED: 2}


@st.composite
def span(draw: st.DrawFn) -> Span:
    status = draw(st.sampled_from(Status))
    at = T + draw(st.integers(-20, 20)) * MINUTE
    priced = draw(st.sampled_from([None, cost(None), cost("0.000000000001"), cost("0.07"), cost("3", estimated=True)]))
    return llm(
        draw(st.integers(1, 6)),
        at,
        execution_id=f"run-{draw(st.integers(1, 3))}",
        agent=draw(st.sampled_from(["a", "b"])),
        kind=draw(st.sampled_from([SpanKind.LLM, SpanKind.EMBEDDING, SpanKind.TOOL, SpanKind.AGENT])),
        endpoint=draw(st.sampled_from([None, "chat/completions"])),
        status=status,
        attempt=draw(st.sampled_from([1, 1, 2])),
        ended_at=None if status is Status.RUNNING else at + draw(st.integers(0, 9)) * SECOND,
        usage=draw(st.sampled_from([None, Usage(), Usage(input=5, output=2, cache_read=1)])),
        cost=priced,
        tool_calls=draw(st.sampled_from([[], asks("x"), asks("x", "y", "x")])),
        response_model=draw(st.sampled_from([None, "m1", "m2"])),
    )


batches = st.lists(st.lists(span(), min_size=1, max_size=5), min_size=1, max_size=6)


def last_words(written: Iterable[Span]) -> list[Span]:
    kept: dict[str, Span] = {}
    for span in written:
        if span.id not in kept or RANK[span.status] >= RANK[kept[span.id].status]:
            kept[span.id] = span
    return list(kept.values())


def is_call(span: Span) -> bool:
    return span.kind in (SpanKind.LLM, SpanKind.EMBEDDING)


def dollars(span: Span, *, estimated: bool) -> Decimal:
    if span.cost is None or span.cost.total is None or span.kind is SpanKind.AGENT:
        return Decimal(0)
    return span.cost.total if span.cost.estimated is estimated else Decimal(0)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(batches)
def test_sums_equal_a_count_from_scratch(written: list[list[Span]]) -> None:
    with Store.open("sqlite://") as store:
        for spans in written:
            store.write(Batch(spans=spans))
        final = last_words(span for spans in written for span in spans)
        check_executions(store, final)
        check_costs(store, final)
        check_tools(store, final)
        assert {span.id for span in final if span.status is Status.RUNNING} == {s.id for s in store.running_spans()}


def check_executions(store: Store, final: list[Span]) -> None:
    members: dict[str, list[Span]] = defaultdict(list)
    for span in final:
        members[span.execution_id].append(span)
    assert {execution.id for execution in store.executions()} == set(members)
    for execution in store.executions():
        mine = members[execution.id]
        calls = [span for span in mine if is_call(span)]
        assert execution.spans == len(mine)
        assert execution.llm_calls == sum(span.attempt == 1 for span in calls)
        assert execution.retries == sum(span.attempt == 2 for span in calls)
        assert execution.running_calls == sum(span.status is Status.RUNNING for span in calls)
        assert execution.errors == sum(span.status is Status.FAILED for span in mine)
        assert execution.tokens.input == sum((span.usage and span.usage.input) or 0 for span in calls)
        assert execution.cost.billed == sum(dollars(span, estimated=False) for span in mine)
        assert execution.cost.estimated == sum(dollars(span, estimated=True) for span in mine)
        assert execution.last_activity_at >= max(span.ended_at or span.started_at for span in mine)
        assert execution.status == expected_status(mine)


def expected_status(mine: list[Span]) -> Status:
    if any(span.status is Status.RUNNING for span in mine):
        return Status.RUNNING
    telling = [span for span in mine if is_call(span) or span.kind is SpanKind.AGENT] or [
        span for span in mine if span.endpoint
    ]
    return max(telling, key=lambda span: (span.ended_at or 0, span.id)).status if telling else Status.COMPLETED


def check_costs(store: Store, final: list[Span]) -> None:
    for since, until in ((None, None), (T - 7 * MINUTE, T + 11 * MINUTE + 1), (None, T)):
        chosen = [
            span for span in final if (since or 0) <= span.started_at and (until is None or span.started_at < until)
        ]
        for by in ("agent", "model", "provider", "day", "hour", "user"):
            rows = store.costs(by, since=since, until=until)
            assert sum(row.calls for row in rows) == sum(is_call(span) and span.attempt == 1 for span in chosen)
            assert sum(row.cost.billed for row in rows) == sum(dollars(span, estimated=False) for span in chosen)
            assert sum(row.cost.estimated for row in rows) == sum(dollars(span, estimated=True) for span in chosen)
        billed = {row.key: row.cost.billed for row in store.costs("agent", since=since, until=until)}
        for agent, amount in billed.items():
            assert amount == sum(dollars(span, estimated=False) for span in chosen if span.agent == agent)
        by_day, by_user = (store.costs(by, since=since, until=until) for by in ("day", "user"))
        assert sum(row.cost.unknown_calls for row in by_day) == sum(row.cost.unknown_calls for row in by_user)


def check_tools(store: Store, final: list[Span]) -> None:
    for agent in ("a", "b"):
        mine = [span for span in final if span.agent == agent]
        asked = [call.name for span in mine for call in span.tool_calls]
        ran = [span.name for span in mine if span.kind is SpanKind.TOOL]
        counts = {tool.name: tool.calls for tool in store.agent_summary(agent).tools}
        assert counts == {name: max(asked.count(name), ran.count(name)) for name in {*asked, *ran}}
