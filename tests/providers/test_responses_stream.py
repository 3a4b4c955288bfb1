"""What had come of a response when its stream was cut."""

from typing import Any

from tests.providers.dialogue import call, sse

REQUEST = {"model": "gpt-5", "input": "Find out", "stream": True}
CREATED = {"type": "response.created", "response": {"id": "resp_1", "model": "gpt-5", "status": "in_progress"}}


def begun(index: int, **item: Any) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def delta(kind: str, index: int, piece: str) -> dict[str, Any]:
    return {"type": f"response.{kind}.delta", "output_index": index, "delta": piece}


def test_items_that_were_cut_hold_what_had_come() -> None:
    found = call(
        "/v1/responses",
        sse(
            CREATED,
            begun(0, type="reasoning", id="rs_1", summary=[]),
            delta("reasoning_summary_text", 0, "Let me "),
            delta("reasoning_summary_text", 0, "see."),
            begun(1, type="message", role="assistant", content=[]),
            delta("output_text", 1, "The "),
            delta("output_text", 1, "answer"),
            begun(2, type="function_call", name="search", call_id="call_1", arguments=""),
            delta("function_call_arguments", 2, '{"q": "fo'),
        ),
        REQUEST,
    )
    assert not found.complete
    assert [message.text for message in found.output_messages] == ["Let me see.", "The answer", ""]
    assert [(tool.name, tool.id, tool.arguments) for tool in found.tool_calls] == [("search", "call_1", '{"q": "fo')]


def test_an_item_with_an_end_is_the_one_that_counts() -> None:
    whole = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "All of it"}]}
    done = {"type": "response.output_item.done", "output_index": 0, "item": whole}
    found = call("/v1/responses", sse(CREATED, delta("output_text", 0, "All"), done), REQUEST)
    assert [message.text for message in found.output_messages] == ["All of it"]


def test_pieces_without_a_place_are_kept() -> None:
    pieces = [{"type": "response.output_text.delta", "delta": piece} for piece in ("Hel", "lo")]
    found = call("/v1/responses", sse(*pieces), REQUEST)
    assert [message.text for message in found.output_messages] == ["Hello"]


def test_the_answer_to_a_background_request_is_whole_and_bills_nothing_yet() -> None:
    queued = {"id": "resp_1", "object": "response", "status": "queued", "background": True, "usage": None}
    found = call("/v1/responses", queued, REQUEST | {"background": True, "stream": False})
    assert (found.complete, found.billable, found.usage, found.result_key) == (True, False, None, "resp_1")
