"""Which calls a conversation over a websocket consists of."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from websockets.frames import Opcode

from kagura.errors import JournalError
from kagura.journal import Ended, JournalWriter, Record, Started, journal_files
from kagura.model import Labels, Outcome
from kagura.providers.realtime import PROTOCOLS
from kagura.proxy.dialogue import Dialogue, Subject
from kagura.proxy.frames import Message
from kagura.proxy.metrics import Metrics
from kagura.proxy.recorder import Recorder
from tests.proxy.sockets import CREATE, USAGE, answer, response

LABELS = Labels(execution_id="run-1", execution_source="header")
CREATED = {"type": "session.created", "session": {"model": "gpt-realtime", "instructions": "Be kind."}}
ITEM = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}


class Conversation:
    """A dialogue with a clock that ticks once a look, and its journal."""

    def __init__(
        self, folder: Path, endpoint: str, *, limit: int = 1 << 20, journal: JournalWriter | None = None
    ) -> None:
        self.folder = folder
        self.metrics = Metrics()
        self.recorder = Recorder(journal or JournalWriter(folder, 1 << 26))
        clock, ids = count(1), count(1)
        subject = Subject(
            "openai", "openai", f"/v1/{endpoint}", LABELS, [("user-agent", "test")], [("x-request-id", "r")], limit
        )
        self.dialogue = Dialogue(
            PROTOCOLS[endpoint],
            subject,
            self.recorder,
            self.metrics,
            lambda: next(clock),
            lambda: f"{next(ids):016x}",
        )

    def client(self, event: object, opcode: Opcode = Opcode.TEXT) -> None:
        self.dialogue.sent(message(event, opcode))

    def server(self, *events: object) -> None:
        for event in events:
            self.dialogue.received(message(event))

    def records(self) -> list[Record]:
        return [record for file in journal_files(self.folder) for _, record in file.records() if record]

    def calls(self) -> list[tuple[Started, Ended]]:
        """Beginning and end of each call, in the order in which they ended."""
        records = self.records()
        starts = {record.id: record for record in records if isinstance(record, Started)}
        return [(starts[record.id], record) for record in records if isinstance(record, Ended)]


def message(event: object, opcode: Opcode = Opcode.TEXT) -> Message:
    data = event if isinstance(event, bytes) else json.dumps(event).encode()
    return Message(opcode, data, len(data))


def events(end: Ended) -> Iterator[dict[str, object]]:
    """What the record of an answer holds."""
    for block in end.response_body.data.decode().split("\n\n")[:-1]:
        yield json.loads("".join(line.removeprefix("data: ") for line in block.split("\n")))


@pytest.fixture
def responses(tmp_path: Path) -> Conversation:
    return Conversation(tmp_path, "responses")


@pytest.fixture
def realtime(tmp_path: Path) -> Conversation:
    return Conversation(tmp_path, "realtime")


# --- the Responses API ------------------------------------------------------------------------------------------------


def test_each_answer_is_a_call(responses: Conversation) -> None:
    for id in ("resp_1", "resp_2"):
        responses.client(CREATE | {"previous_response_id": id})
        responses.server({"type": "codex.rate_limits"}, *answer(id))
    (first, _), (second, end) = responses.calls()
    assert (first.id, first.method, first.target) == ("0000000000000001", "WEBSOCKET", "/v1/responses")
    assert second.request_body is not None
    assert json.loads(second.request_body.data) == CREATE | {"previous_response_id": "resp_2"}
    assert (second.labels, second.request_headers) == (LABELS, [("user-agent", "test")])
    assert (end.outcome, end.status) == (Outcome.COMPLETED, 101)
    assert end.response_headers == [("content-type", "text/event-stream"), ("x-request-id", "r")]
    assert list(events(end)) == [{"type": "codex.rate_limits"}, *answer("resp_2")]
    assert second.received_at == end.sent_at
    assert second.received_at < (end.first_byte_at or 0) < (end.last_byte_at or 0) < end.done_at
    assert responses.dialogue.idle
    assert responses.metrics.in_flight == 0


def test_the_start_is_recorded_before_the_answer_and_the_end_with_its_last_event(responses: Conversation) -> None:
    responses.client(CREATE)
    assert [type(record) for record in responses.records()] == [Started]
    assert (responses.dialogue.idle, responses.metrics.in_flight) == (False, 1)
    responses.server(*answer()[:-1])
    assert [type(record) for record in responses.records()] == [Started]
    responses.server(answer()[-1])
    assert [type(record) for record in responses.records()] == [Started, Ended]


@pytest.mark.parametrize("last", ["response.incomplete", "response.failed", "response.completed"])
def test_every_kind_of_end(responses: Conversation, last: str) -> None:
    responses.client(CREATE)
    responses.server({"type": last, "response": response("resp_1", "x")})
    assert len(responses.calls()) == 1


def test_an_error_ends_the_call_with_its_status(responses: Conversation) -> None:
    error = {"type": "error", "status": 400, "error": {"code": "previous_response_not_found", "message": "?"}}
    responses.client(CREATE)
    responses.server(error)
    ((_, end),) = responses.calls()
    assert (end.outcome, end.status, list(events(end))) == (Outcome.COMPLETED, 400, [error])


def test_answers_in_turn_to_requests_that_were_sent_at_once(responses: Conversation) -> None:
    responses.client(CREATE | {"input": "one"})
    responses.client(CREATE | {"input": "two"})
    responses.server(*answer("resp_1"), *answer("resp_2"))
    inputs = [json.loads(start.request_body.data)["input"] for start, _ in responses.calls() if start.request_body]
    assert inputs == ["one", "two"]
    assert [next(events(end))["response"] for _, end in responses.calls()] == [
        answer("resp_1")[0]["response"],
        answer("resp_2")[0]["response"],
    ]


def test_an_answer_to_what_could_not_be_read_is_a_call_all_the_same(responses: Conversation) -> None:
    responses.dialogue.sent(Message(Opcode.TEXT, b'{"type":"resp', 1 << 30))
    responses.server(*answer())
    ((start, end),) = responses.calls()
    assert start.request_body is not None
    assert (start.request_body.data, list(events(end))) == (b"{}", answer())


def test_the_connection_ends_in_the_middle_of_an_answer(responses: Conversation) -> None:
    responses.client(CREATE)
    responses.server(*answer()[:-1])
    responses.dialogue.closed(Outcome.UPSTREAM_ERROR, "upstream_disconnected: gone")
    ((_, end),) = responses.calls()
    assert (end.outcome, end.error) == (Outcome.UPSTREAM_ERROR, "upstream_disconnected: gone")
    assert list(events(end)) == answer()[:-1]


def test_the_last_event_is_kept_beyond_the_limit(tmp_path: Path) -> None:
    small = Conversation(tmp_path, "responses", limit=300)
    small.client(CREATE | {"input": "x" * 1000})
    deltas = [{"type": "response.output_text.delta", "delta": "y" * 100}] * 20
    small.server(answer()[0], *deltas, answer()[-1])
    ((start, end),) = small.calls()
    assert start.request_body is not None
    assert len(start.request_body.data) == 300
    assert start.request_body.size > 1000
    kept = list(events(end))
    assert kept[-1] == answer()[-1]
    assert len(kept) < 5
    assert end.response_body.truncated


def test_events_of_several_lines_stay_one_event(responses: Conversation) -> None:
    responses.client(CREATE)
    responses.server(json.dumps(answer()[-1], indent=2).encode())
    ((_, end),) = responses.calls()
    assert list(events(end)) == [answer()[-1]]


@pytest.mark.parametrize("junk", [b"\xff\xfe", b"nonsense", b"[]", b'{"type":5}', b"{}"])
def test_what_is_no_event_passes_unnoticed(responses: Conversation, junk: bytes) -> None:
    responses.client(junk)
    responses.server(junk)
    assert responses.calls() == []
    responses.client(CREATE)
    responses.server(junk, *answer())
    assert len(responses.calls()) == 1


def test_binary_messages_are_no_events(responses: Conversation) -> None:
    responses.client(CREATE, Opcode.BINARY)
    assert responses.records() == []


class _FullDisk(JournalWriter):
    full = True

    def append(self, record: Record) -> None:
        if self.full:
            raise JournalError("no space left")
        super().append(record)


def test_a_start_that_could_not_be_written_comes_with_the_end(tmp_path: Path) -> None:
    journal = _FullDisk(tmp_path, 1 << 26)
    conversation = Conversation(tmp_path, "responses", journal=journal)
    conversation.client(CREATE)
    journal.full = False
    conversation.server(*answer())
    assert [type(record) for record in conversation.records()] == [Started, Ended]
    journal.full = True
    conversation.client(CREATE)
    conversation.server(*answer())
    assert (conversation.recorder.calls_waiting, conversation.dialogue.idle) == (1, True)


# --- the Realtime API -------------------------------------------------------------------------------------------------


def realtime_answer(id: str) -> list[dict[str, object]]:
    return [
        {"type": "response.created", "response": {"id": id, "status": "in_progress"}},
        {"type": "response.output_audio.delta", "response_id": id, "delta": "AAAA"},
        {"type": "response.done", "response": {"id": id, "status": "completed", "usage": USAGE}},
    ]


def test_a_realtime_answer_that_was_asked_for(realtime: Conversation) -> None:
    realtime.server(CREATED)
    realtime.client({"type": "conversation.item.create", "item": ITEM})
    realtime.client({"type": "input_audio_buffer.append", "audio": "AAAA"})
    realtime.client({"type": "response.create", "response": {"instructions": "Be brief."}})
    realtime.server(*realtime_answer("resp_1"), {"type": "rate_limits.updated"})
    ((start, end),) = realtime.calls()
    assert start.request_body is not None
    assert json.loads(start.request_body.data) == {
        "model": "gpt-realtime",
        "session": CREATED["session"],
        "items": [ITEM],
        "response": {"instructions": "Be brief."},
    }
    assert list(events(end)) == realtime_answer("resp_1")


def test_a_realtime_answer_that_nobody_asked_for(realtime: Conversation) -> None:
    realtime.server(CREATED, {"type": "input_audio_buffer.committed", "item_id": "i"}, *realtime_answer("resp_1"))
    ((start, end),) = realtime.calls()
    assert start.request_body is not None
    assert json.loads(start.request_body.data) == {"model": "gpt-realtime", "session": CREATED["session"]}
    assert list(events(end)) == realtime_answer("resp_1")


def test_items_belong_to_the_next_answer_only(realtime: Conversation) -> None:
    realtime.client({"type": "conversation.item.create", "item": ITEM})
    realtime.server(*realtime_answer("resp_1"), *realtime_answer("resp_2"))
    bodies = [json.loads(start.request_body.data) for start, _ in realtime.calls() if start.request_body]
    assert bodies == [{"items": [ITEM]}, {}]


def test_the_session_is_the_one_in_force(realtime: Conversation) -> None:
    realtime.server(CREATED, {"type": "session.updated", "session": {"model": "gpt-realtime-mini"}})
    realtime.server(*realtime_answer("resp_1"))
    ((start, _),) = realtime.calls()
    assert start.request_body is not None
    assert json.loads(start.request_body.data)["model"] == "gpt-realtime-mini"


def test_realtime_answers_side_by_side(realtime: Conversation) -> None:
    realtime.client({"type": "response.create"})
    realtime.client({"type": "response.create"})
    one, two = realtime_answer("resp_1"), realtime_answer("resp_2")
    realtime.server(one[0], two[0], two[1], one[1], two[2], one[2])
    assert [list(events(end)) for _, end in realtime.calls()] == [two, one]


def test_a_realtime_error_ends_only_the_answer_that_it_refuses(realtime: Conversation) -> None:
    realtime.client({"type": "response.create", "event_id": "e1"})
    other = {"type": "error", "error": {"message": "bad session", "event_id": "e0"}}
    realtime.server(other)
    assert realtime.calls() == []
    assert realtime.dialogue.complaint == json.dumps(other)
    refusal = {"type": "error", "error": {"message": "busy", "event_id": "e1"}}
    realtime.server(refusal)
    ((_, end),) = realtime.calls()
    assert list(events(end)) == [refusal]


def test_a_transcript_is_a_call_from_the_audio_on(realtime: Conversation) -> None:
    session = {"model": "gpt-realtime", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}
    heard = {"type": "input_audio_buffer.committed", "item_id": "i"}
    kind = "conversation.item.input_audio_transcription.completed"
    said = {"type": kind, "item_id": "i", "transcript": "Hi", "usage": {"type": "duration", "seconds": 2}}
    realtime.server({"type": "session.created", "session": session}, heard, *realtime_answer("resp_1")[:1], said)
    ((start, end),) = realtime.calls()
    assert start.request_body is not None
    assert json.loads(start.request_body.data)["model"] == "whisper-1"
    assert start.received_at == 1
    assert list(events(end)) == [said]
    assert not realtime.dialogue.idle
