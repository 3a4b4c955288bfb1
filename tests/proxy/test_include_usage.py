"""Usage asked for by splice, and its chunk taken out at every cut."""

import json

import pytest

from kagura.proxy.include_usage import UsageFilter, with_usage_asked

FIRST = b'data: {"id":"1","choices":[{"delta":{"content":"h\xc3\xa9"}}],"usage":null}\n\n'
USAGE = b'data: {"id":"1","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n'
PROMPT_FILTER = b'data: {"choices":[],"prompt_filter_results":[]}\n\n'
STILL_CHOICES = b'data: {"choices":[{"index":0,"delta":{}}],"usage":{"prompt_tokens":1}}\n\n'
COMMENT = b": OPENROUTER PROCESSING\n\n"
DONE = b"data: [DONE]\n\n"
KEPT = [COMMENT, PROMPT_FILTER, FIRST, STILL_CHOICES]


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        (b'{"stream":true}', b'{"stream_options":{"include_usage":true},"stream":true}'),
        (b' {\n "stream" : true }', b' {"stream_options":{"include_usage":true},\n "stream" : true }'),
        (
            b'{"stream":true,"kind":"stream"}',
            b'{"stream_options":{"include_usage":true},"stream":true,"kind":"stream"}',
        ),
        (b'{"stream":true,"stream_options":null}', b'{"stream":true,"stream_options":{"include_usage":true}}'),
        (b'{"stream":true,"stream_options":{}}', b'{"stream":true,"stream_options":{"include_usage":true}}'),
        (
            b'{"stream_options":{ "a":1},"stream":true}',
            b'{"stream_options":{"include_usage":true, "a":1},"stream":true}',
        ),
        (
            b'{"stream":true,"stream_options":{"include_usage": false}}',
            b'{"stream":true,"stream_options":{"include_usage": true}}',
        ),
    ],
)
def test_usage_is_asked_for_by_inserting_bytes(body: bytes, asked: bytes) -> None:
    assert with_usage_asked(body) == asked
    assert json.loads(asked)["stream_options"]["include_usage"] is True


@pytest.mark.parametrize(
    "body",
    [
        b'{"stream":false}',
        b'{"a":"\\"stream\\":true"}',
        b'{"a":{"stream":true}}',
        b'{"stream":true,"stream_options":{"include_usage":true}}',
        b'{"stream":true,"stream_options":[1]}',
        b'{"stream":true,"stream":true}',
        b'{"stream":true,"stream_opti\\u006fns":{"include_usage":true}}',
        b'{"stream":"true"}',
        b'{"stream":true,"stream_options":{"include_usage":"yes"}}',
        b'\xef\xbb\xbf{"stream":true}',
        b'{"stream":true',
        b'[{"stream":true}]',
    ],
)
def test_an_unclear_or_unconcerned_body_is_left_alone(body: bytes) -> None:
    assert with_usage_asked(body) is None


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_the_usage_chunk_goes_at_every_cut_and_nothing_else(end: bytes) -> None:
    stream = b"".join([*KEPT, USAGE, DONE]).replace(b"\n", end)
    wanted = b"".join([*KEPT, DONE]).replace(b"\n", end)
    for cut in range(len(stream) + 1):
        usage_filter = UsageFilter()
        got = usage_filter.feed(stream[:cut]) + usage_filter.feed(stream[cut:]) + usage_filter.close()
        assert got == wanted, cut
        assert usage_filter.removed == 1


def test_the_usage_chunk_goes_when_bytes_come_one_by_one() -> None:
    stream = b"".join([*KEPT, USAGE, DONE])
    usage_filter = UsageFilter()
    got = b"".join(usage_filter.feed(stream[i : i + 1]) for i in range(len(stream))) + usage_filter.close()
    assert got == b"".join([*KEPT, DONE])


@pytest.mark.parametrize("named", [b"event: chunk\n", b"id: 7\nevent: x\n"])
def test_fields_before_the_data_change_nothing(named: bytes) -> None:
    stream = named + USAGE + DONE
    for cut in range(len(stream) + 1):
        usage_filter = UsageFilter()
        assert usage_filter.feed(stream[:cut]) + usage_filter.feed(stream[cut:]) + usage_filter.close() == DONE


def test_other_events_pass_before_they_are_whole() -> None:
    usage_filter = UsageFilter()
    begun = b'data: {"id":"1","choices":[{"delta":{"content":"half an ev'
    assert usage_filter.feed(begun) == begun
    assert usage_filter.feed(b'ent"}}]}') == b'ent"}}]}'
    assert usage_filter.feed(b": comment") == b": comment"
    assert UsageFilter().feed(b"data: [DO") == b"data: [DO"
    assert UsageFilter().feed(b"anything else") == b"anything else"


def test_only_a_possible_usage_chunk_is_held() -> None:
    usage_filter = UsageFilter()
    assert usage_filter.feed(b'data: {"id":"1","choices":[') == b""
    assert usage_filter.feed(b"{") == b'data: {"id":"1","choices":[{'


def test_a_stream_without_a_last_blank_line_keeps_its_bytes() -> None:
    usage_filter = UsageFilter()
    assert usage_filter.feed(FIRST + b"data: {") + usage_filter.close() == FIRST + b"data: {"
    usage_filter = UsageFilter()
    assert usage_filter.feed(FIRST + USAGE.rstrip(b"\n")) + usage_filter.close() == FIRST
