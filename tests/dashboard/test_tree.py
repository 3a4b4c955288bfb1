import pytest

from kagura.dashboard.runs import all_spans
from kagura.dashboard.tree import answer, branch, marks, nodes, signature
from kagura.model import Span, SpanKind, Status, ToolCall
from kagura.store.views import Trace
from tests.dashboard.samples import llm, my_run, my_spans, span


def outline(spans: list[Span]) -> list[str]:
    return ["  " * node.depth + node.span.id for node in nodes(spans)]


def test_children_follow_their_parents_in_the_order_they_began() -> None:
    spans = [
        span("late", SpanKind.TOOL, "x", 5, 1),
        span("child-2", SpanKind.TOOL, "x", 3, 1, parent_id="top"),
        span("top", SpanKind.AGENT, "x", 1, 3),
        span("child-1", SpanKind.TOOL, "x", 2, 1, parent_id="top"),
        span("grandchild", SpanKind.TOOL, "x", 2.5, 1, parent_id="child-1"),
    ]
    assert outline(spans) == ["top", "  child-1", "    grandchild", "  child-2", "late"]


def test_a_span_without_its_parent_is_at_the_top() -> None:
    assert outline([span("a", SpanKind.TOOL, "x", 1, 1, parent_id="elsewhere")]) == ["a"]


def test_spans_that_are_one_anothers_parents_are_shown_once() -> None:
    spans = [
        span("a", SpanKind.TOOL, "x", 1, 1, parent_id="b"),
        span("b", SpanKind.TOOL, "x", 2, 1, parent_id="a"),
        span("c", SpanKind.TOOL, "x", 3, 1, parent_id="c"),
    ]
    assert sorted(text.strip() for text in outline(spans)) == ["a", "b", "c"]


def test_a_very_deep_run_is_walked() -> None:
    spans = [span(str(n), SpanKind.SPAN, "x", n / 1000, 1, parent_id=str(n - 1)) for n in range(5000)]
    assert sum(1 for _ in nodes(spans)) == 5000


def test_model_calls_are_numbered_down_the_page() -> None:
    assert [node.call for node in nodes(my_spans())] == [None, 1, None, 2, None]


def test_a_sub_agents_calls_are_numbered_where_they_stand() -> None:
    """Its caller, who goes on beside it, has later numbers, so that they rise down the page."""
    spans = [
        llm("first", 0, 1, 1, 1, ""),
        span("tool", SpanKind.TOOL, "task", 1, 9),
        span("agent", SpanKind.AGENT, "explorer", 1, 8, parent_id="tool"),
        llm("its-first", 2, 1, 1, 1, "", parent_id="agent"),
        llm("title", 3, 1, 1, 1, ""),
        llm("its-second", 4, 1, 1, 1, "", parent_id="agent"),
    ]
    numbered = [(node.span.id, node.call) for node in nodes(spans) if node.call]
    assert numbered == [("first", 1), ("its-first", 2), ("its-second", 3), ("title", 4)]


def test_attempts_of_one_call_share_its_number() -> None:
    spans = [
        llm("a", 0, 1, 1, 1, "", status=Status.FAILED),
        llm("b", 2, 1, 1, 1, "", attempt=2, first_attempt_id="a"),
        llm("c", 4, 1, 1, 1, ""),
    ]
    assert [(node.call, node.attempts, marks(node)) for node in nodes(spans)] == [
        (1, 2, " (attempt 1 of 2)"),
        (1, 2, " (attempt 2 of 2)"),
        (2, 1, ""),
    ]


def test_what_a_client_asks_beside_its_work_is_marked() -> None:
    (node,) = nodes([llm("a", 0, 1, 1, 1, "", attributes={"side": "title"})])
    assert marks(node) == " (title)"


def test_siblings_that_ran_at_the_same_time_are_told_apart() -> None:
    spans = [
        span("a", SpanKind.TOOL, "x", 0, 3),
        span("b", SpanKind.TOOL, "x", 1, 1),
        span("c", SpanKind.TOOL, "x", 2.5, 1),
        span("d", SpanKind.TOOL, "x", 3.5, None),
        span("e", SpanKind.TOOL, "x", 9, 1),
        span("inner", SpanKind.TOOL, "x", 1, 1, parent_id="a"),
    ]
    assert [node.span.id for node in nodes(spans) if node.beside] == ["b", "c", "e"]
    assert {branch(node) for node in nodes(spans) if node.beside} == {"├∥ "}


def test_runs_that_a_run_started_hang_below_it() -> None:
    child = Trace(execution=my_run(id="sub", agent="helper"), spans=[llm("c1", 3, 1, 1, 1, "")])
    spans = all_spans(Trace(execution=my_run(), spans=[llm("p1", 1, 1, 1, 1, "")], children=[child]))
    assert outline(spans) == ["run sub", "  c1", "p1"]


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ('{"query": "shrine", "limit": 3}', 'find(query="shrine", limit=3)'),
        ({"q": "神社"}, 'find(q="神社")'),
        ("not json", "find(not json)"),
        ("[1, 2]", "find([1, 2])"),
        (None, "find()"),
        ("[" * 100_000, "find([["),
    ],
)
def test_tool_calls_read_like_code(arguments: object, shown: str) -> None:
    assert signature("find", arguments).startswith(shown)


def test_an_answer_is_its_text_else_the_tools_it_asks_for() -> None:
    asked = [ToolCall(name="find", arguments="{}"), ToolCall(name="read")]
    assert answer(llm("a", 0, 1, 1, 1, "words", tool_calls=asked)) == '"words"'
    assert answer(llm("a", 0, 1, 1, 1, "", tool_calls=asked)) == "find(), read()"
    assert answer(llm("a", 0, 1, 1, 1, "")) is None
