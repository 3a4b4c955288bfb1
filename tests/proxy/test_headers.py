"""What passes, what is written down, what never is."""

import pytest

from kagura.proxy.headers import answer_headers, is_kept, kept, masked, named_by_connection


@pytest.mark.parametrize(
    "name",
    [
        "content-type",
        "user-agent",
        "anthropic-version",
        "anthropic-ratelimit-input-tokens-remaining",
        "openai-processing-ms",
        "x-stainless-retry-count",
        "x-claude-code-session-id",
        "x-codex-turn-metadata",
        "session-id",
        "session_id",
        "thread-id",
        "originator",
        "x-request-id",
        "retry-after",
        "x-ratelimit-remaining-tokens",
        "traceparent",
        "baggage",
        "x-amzn-bedrock-input-token-count",
        "x-litellm-session-id",
        "helicone-session-id",
        "x-portkey-metadata",
        "x-anything-session-id",
        "cf-ray",
    ],
)
def test_telling_headers_are_kept(name: str) -> None:
    assert is_kept(name)


@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "proxy-authorization",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "cookie",
        "set-cookie",
        "helicone-auth",
        "x-litellm-api-key",
        "x-litellm-key",
        "openai-api-key",
        "anthropic-auth-token",
        "x-auth-session-id",
        "x-portkey-api-key",
        "x-amz-security-token",
        "x-custom",
        "x-secret-session-id",
        "x-stainless-token",
    ],
)
def test_credentials_and_unknown_headers_are_not(name: str) -> None:
    assert not is_kept(name)


def test_kept_lines_are_text_in_lower_case_and_bounded() -> None:
    lines = kept([(b"User-Agent", "é".encode()), (b"Cookie", b"a"), (b"x-request-id", b"\xff" * 9000)])
    assert lines[0] == ("user-agent", "é")
    assert [name for name, _ in lines] == ["user-agent", "x-request-id"]
    assert len(lines[1][1]) == 8192


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/a?key=AIza&alt=sse", "/a?key=***&alt=sse"),
        ("/a?alt=sse&API_KEY=x", "/a?alt=sse&API_KEY=***"),
        ("/a?%6Bey=x", "/a?%6Bey=***"),
        ("/a?access_token=x&sig=y&X-Amz-Signature=z", "/a?access_token=***&sig=***&X-Amz-Signature=***"),
        ("/a?pageToken=t&key", "/a?pageToken=t&key"),
        ("/a/key=x", "/a/key=x"),
    ],
)
def test_queries_are_masked(target: str, shown: str) -> None:
    assert masked(target) == shown


def test_connection_names_further_hop_by_hop_headers() -> None:
    assert {b"x-a", b"x-b"} <= named_by_connection([(b"Connection", b"X-A , keep-alive"), (b"connection", b"x-b")])


def test_an_answers_headers_keep_order_and_duplicates() -> None:
    lines = [
        (b"Set-Cookie", b"a=1"),
        (b"X-A", b"1"),
        (b"Set-Cookie", b"b=2"),
        (b"Keep-Alive", b"5"),
        (b"Content-Length", b"3"),
    ]
    assert answer_headers(lines, no_body=False, refitted=False) == [*lines[:3], lines[4]]
    assert answer_headers(lines, no_body=True, refitted=False) == lines[:3]
    assert answer_headers(lines, no_body=False, refitted=True) == lines[:3]
