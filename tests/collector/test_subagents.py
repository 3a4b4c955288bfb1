"""Sub-agents and side calls: branches of one run."""

from typing import Any

import pytest
from msgspec import structs

from kagura.collector import drain
from kagura.collector.tools import tool_span_id
from kagura.journal import JournalWriter
from kagura.model import Span
from tests.collector.recorded import SECOND, Recorder, T, body, sse
from tests.collector.turns import KYOTO, QUESTION, TOOLS, Talk, asks, brings, says

SESSION = "0f9c1a52-6b1c-4f0e-9d0a-1f6d7c2b3a4e"
CHILD = "7d1e9a52-6b1c-4f0e-9d0a-1f6d7c2b3a4e"
PROMPT = "Find out how warm it is in Kyoto, and be brief."
TASK = asks((KYOTO, "Task", f'{{"prompt": "{PROMPT}", "subagent_type": "explorer"}}'))
WITH_TOOLS = {"tools": TOOLS}


def agents(recorder: Recorder) -> list[Span]:
    return [span for span in recorder.spans() if span.kind == "agent"]


def test_claude_codes_agents_are_branches(recorder: Recorder) -> None:
    talk = Talk(recorder)
    session = ("x-claude-code-session-id", SESSION)
    main = talk.chat([QUESTION], says("0"), headers=(session,))
    first = talk.chat([QUESTION], says("1"), headers=(session, ("x-claude-code-agent-id", "a1")))
    nested = (session, ("x-claude-code-agent-id", "a2"), ("x-claude-code-parent-agent-id", "a1"))
    second = talk.chat([QUESTION], says("2"), headers=nested)
    outer, inner = agents(recorder)
    assert (main.parent_id, first.parent_id, second.parent_id) == (None, outer.id, inner.id)
    assert (outer.parent_id, inner.parent_id) == (None, outer.id)
    assert {span.execution_id for span in recorder.spans()} == {SESSION}
    assert (outer.inferred, outer.started_at, outer.ended_at) == (True, first.started_at, first.ended_at)


def test_codex_and_opencode_name_the_parent(recorder: Recorder) -> None:
    talk = Talk(recorder)
    codex = (("user-agent", "codex_cli_rs/0.9"), ("session-id", SESSION), ("thread-id", CHILD))
    details = ("x-codex-turn-metadata", '{"agent_role": "reviewer"}')
    talk.chat([QUESTION], says("0"), headers=codex)
    talk.chat([QUESTION], says("1"), headers=(*codex, ("x-codex-parent-thread-id", SESSION), details))
    opencode = (("user-agent", "opencode/1"), ("x-session-id", CHILD), ("x-parent-session-id", "ses_1234567"))
    talk.chat([QUESTION], says("2"), headers=opencode)
    assert [(span.name, span.execution_id) for span in agents(recorder)] == [
        ("reviewer", SESSION),
        ("sub-agent", "ses_1234567"),
    ]


def test_a_named_agent_stands_below_the_tool_that_holds_its_prompt(recorder: Recorder) -> None:
    talk = Talk(recorder)
    session = ("x-claude-code-session-id", SESSION)
    main = talk.chat([QUESTION], TASK, headers=(session,))
    prompt = {"role": "user", "content": f"<context/>\n{PROMPT}"}
    talk.chat([prompt], says("1"), headers=(session, ("x-claude-code-agent-id", "a1")))
    (agent,) = agents(recorder)
    assert (agent.name, agent.parent_id) == ("explorer", tool_span_id(main.id, 0))


def test_a_call_is_placed_when_its_messages_are_known(recorder: Recorder) -> None:
    session = ("x-claude-code-session-id", SESSION)
    prompt = {"model": "gpt-4o", "messages": [{"role": "user", "content": PROMPT}], **WITH_TOOLS}
    title = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Generate a title for this."}]}
    talk = Talk(recorder)
    writer = JournalWriter(recorder.settings.journal_dir)

    def call(request: dict[str, Any], at: int, *headers: tuple[str, str]) -> Span:
        start = recorder.ask(None, at=at, headers=(session, *headers))
        for record in (
            structs.replace(start, request_body=None),
            recorder.answer(start, {"choices": [{"message": says("1")}]}, request_body=body(request)),
        ):
            writer.append(record)
            drain(recorder.settings)
        return next(span for span in recorder.spans() if span.id == start.id)

    call(title, T)
    main = talk.chat([QUESTION], TASK, headers=(session,), at=T + SECOND // 2, parameters=WITH_TOOLS)
    call(prompt, T + 2 * SECOND, ("x-claude-code-agent-id", "a1"))
    writer.close()
    assert main.parent_id is None
    (agent,) = agents(recorder)
    assert (agent.name, agent.parent_id) == ("explorer", tool_span_id(main.id, 0))


def test_a_side_call_that_was_stored_before_its_messages_came_makes_nobody_a_sub_agent(recorder: Recorder) -> None:
    session = (("x-claude-code-session-id", SESSION),)
    title = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Generate a title for this."}]}
    writer = JournalWriter(recorder.settings.journal_dir)
    start = recorder.ask(None, headers=session)
    writer.append(structs.replace(start, request_body=None))
    drain(recorder.settings)
    writer.append(recorder.answer(start, {"choices": [{"message": says("A title")}]}, request_body=body(title)))
    work = recorder.ask({"model": "gpt-4o", "messages": [QUESTION], **WITH_TOOLS}, at=T + 2 * SECOND, headers=session)
    recorder.store(work, recorder.answer(work, {"choices": [{"message": says("Warm")}]}))
    writer.close()
    assert agents(recorder) == []


def test_a_streamed_turn_continues_its_run_from_its_first_moment(recorder: Recorder) -> None:
    streamed = {"stream": True, **WITH_TOOLS}
    call = asks(("call_0", "weather", '{"city": "Kyoto"}'))
    chunk = {"choices": [{"index": 0, "delta": call, "finish_reason": "tool_calls"}]}
    first = recorder.ask({"model": "gpt-4o", "messages": [QUESTION], **streamed}, execution_id="run-1")
    recorder.store(first, recorder.answer(first, body(sse(chunk, done=True)), kind="text/event-stream"))
    history = [QUESTION, call, brings("call_0", "21 degrees")]
    again = {"model": "gpt-4o", "messages": history, **streamed}
    second = recorder.ask(again, at=T + 2 * SECOND, execution_id="run-1")
    writer = JournalWriter(recorder.settings.journal_dir)
    writer.append(second)
    drain(recorder.settings)
    assert agents(recorder) == []
    writer.close()


@pytest.mark.parametrize("waits", [True, False])
def test_a_path_is_no_name(recorder: Recorder, waits: bool) -> None:
    talk = Talk(recorder)
    codex = (("user-agent", "codex_cli_rs/0.9"), ("session-id", SESSION), ("thread-id", CHILD))
    spawn = asks((KYOTO, "spawn_agent", f'{{"message": "{PROMPT}"}}'))
    talk.chat([QUESTION], spawn, headers=codex[:2])
    if not waits:
        talk.chat([QUESTION, spawn, brings(KYOTO, "started")], says("Meanwhile"), headers=codex[:2])
    details = ("x-codex-turn-metadata", '{"agent_name": "/root"}')
    prompt = {"role": "user", "content": PROMPT}
    talk.chat([prompt], says("1"), headers=(*codex, ("x-codex-parent-thread-id", SESSION), details))
    assert [agent.name for agent in agents(recorder)] == ["spawn_agent"]


@pytest.mark.parametrize("collectors", [1, 5])
def test_a_chain_that_begins_while_another_waits_for_its_tool_is_a_sub_agent(
    recorder: Recorder, collectors: int
) -> None:
    talk = Talk(recorder)
    starts = []
    for messages, answer in (
        ([QUESTION], TASK),
        ([{"role": "user", "content": PROMPT}], says("21 degrees")),
        ([{"role": "user", "content": PROMPT}, says("21 degrees"), QUESTION], says("Yes")),
        ([QUESTION, TASK, brings(KYOTO, "21 degrees")], says("Done.")),
        ([{"role": "user", "content": "Something new"}], says("Fine.")),
    ):
        body = {"model": "gpt-4o", "messages": messages, "tools": TOOLS}
        starts.append((recorder.ask(body, at=talk.at, execution_id="mine"), {"choices": [{"message": answer}]}))
        talk.at += 10 * SECOND
    records = [(start, recorder.answer(start, said)) for start, said in starts]
    for batch in [records] if collectors == 1 else [[record] for record in records]:
        recorder.store(*(half for record in batch for half in record))
    (agent,) = agents(recorder)
    calls = [span for span in recorder.spans() if span.kind == "llm"]
    (tool,) = [span for span in recorder.spans() if span.kind == "tool"]
    assert [call.parent_id for call in calls] == [None, agent.id, agent.id, None, None]
    assert (agent.name, agent.parent_id) == ("explorer", tool.id)
    assert (agent.started_at, agent.ended_at) == (calls[1].started_at, calls[2].ended_at)


@pytest.mark.parametrize(
    ("prompt", "is_started"),
    [(PROMPT, True), (f"<hint>Be brief.</hint>\n{PROMPT}", True), (f"{PROMPT} And be brief.", False)],
    ids=["the prompt", "behind a hint", "part of another"],
)
def test_a_chain_that_begins_after_its_tool_ended_works_in_the_background(
    recorder: Recorder, prompt: str, is_started: bool
) -> None:
    """qwen-code: `agent` says that it was launched, and the model has ended its turn before the agent begins."""
    talk = Talk(recorder)
    mine: Any = {"execution_id": "mine", "parameters": WITH_TOOLS}
    launched = [QUESTION, TASK, brings(KYOTO, "Launched.")]
    talk.chat([QUESTION], TASK, **mine)
    talk.chat(launched, says("I will tell you when it is done."), **mine)
    other = talk.chat([{"role": "user", "content": prompt}], says("21 degrees"), **mine)
    (tool,) = [span for span in recorder.spans() if span.kind == "tool"]
    found = agents(recorder)
    assert [(agent.name, agent.parent_id) for agent in found] == ([("explorer", tool.id)] if is_started else [])
    assert other.parent_id == (found[0].id if found else None)


def test_a_sub_agent_without_a_name_is_called_after_its_tool(recorder: Recorder) -> None:
    talk = Talk(recorder)
    asked = asks((KYOTO, "ask_explorer", f'{{"query": "{PROMPT}"}}'))
    talk.chat([QUESTION], asked, execution_id="mine", parameters=WITH_TOOLS)
    talk.chat([{"role": "user", "content": PROMPT}], says("21"), execution_id="mine", parameters=WITH_TOOLS)
    assert [agent.name for agent in agents(recorder)] == ["ask_explorer"]


def test_side_calls_are_marked_and_no_branches(recorder: Recorder) -> None:
    talk = Talk(recorder)
    talk.chat([QUESTION], TASK, execution_id="mine", parameters=WITH_TOOLS)
    title = {"role": "system", "content": "You are a title generator. You output only a title."}
    side = talk.chat([title, QUESTION], says("Weather"), execution_id="mine")
    header = ("x-claude-code-request-class", "compaction")
    compaction = talk.chat([QUESTION], says("In short"), execution_id="mine", headers=(header,))
    assert (side.attributes["side"], compaction.attributes["side"]) == ("title", "compaction")
    assert agents(recorder) == []


def test_what_only_asks_whether_somebody_is_there_is_a_probe(recorder: Recorder) -> None:
    hello = recorder.call(None, method="HEAD", target="/api/hello", status=200, provider="anthropic")
    upgrade = recorder.call(None, method="GET", target="/v1/responses", status=426, at=T + SECOND)
    assert [span.attributes.get("side") for span in (hello, upgrade)] == ["probe", "probe"]
