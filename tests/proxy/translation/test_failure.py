"""LiteLLM's exceptions as OpenAI's errors."""

from typing import Any

import pytest

from kagura.proxy.translation.failure import failure_body, failure_headers, status_of


class RaisedError(Exception):
    """An exception with the attributes that LiteLLM's have."""

    def __init__(self, message: str, **attributes: Any) -> None:
        super().__init__(message)
        self.message = message
        vars(self).update(attributes)


def chained(outer: RaisedError, inner: RaisedError) -> RaisedError:
    try:
        try:
            raise inner
        except RaisedError:
            raise outer  # noqa: B904
    except RaisedError as error:
        return error


def test_the_first_status_of_the_chain_is_the_providers() -> None:
    assert status_of(chained(RaisedError("mapped", status_code=500), RaisedError("first", status_code=529))) == 529
    assert status_of(RaisedError("no status")) == 500
    assert status_of(RaisedError("odd", status_code="many")) == 500


@pytest.mark.parametrize(
    ("text", "message", "kind"),
    [
        (
            'litellm.RateLimitError: AnthropicException - {"error":{"type":"overloaded","message":"busy"}}',
            "busy",
            "overloaded",
        ),
        (
            'litellm.BadRequestError: VertexAIException - {"error": {"status": "INVALID", "message": "no"}}',
            "no",
            "INVALID",
        ),
        ("litellm.AuthenticationError: BedrockException - no credentials", "no credentials", "rate_limit_error"),
        ("KeyError: 'x'\nTraceback (most recent call last):\n  File …", "KeyError: 'x'", "rate_limit_error"),
    ],
)
def test_the_providers_own_words(text: str, message: str, kind: str) -> None:
    error = failure_body(RaisedError(text, status_code=429, code="429", param=7))["error"]
    assert error == {"message": message, "type": kind, "param": None, "code": None}


def test_when_to_try_again_is_passed_on_and_nothing_private() -> None:
    error = RaisedError(
        "busy", litellm_response_headers={"Retry-After": "7", "set-cookie": "a=1", "request-id": "req_1"}
    )
    assert failure_headers(error) == [(b"retry-after", b"7"), (b"request-id", b"req_1")]
    assert failure_headers(RaisedError("none")) == []
