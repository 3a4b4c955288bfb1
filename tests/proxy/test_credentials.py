"""Keys of the proxy's own, and credentials that a cloud's SDK finds."""

from pathlib import Path

import pytest

from kagura.config import Settings
from kagura.providers import load
from kagura.proxy.credentials import Credentials
from tests.proxy.stage import post, running, split

BODY = b'{"model":"bedrock/amazon.nova-lite-v1:0","messages":[]}'


def credentials(**environ: str) -> Credentials:
    return Credentials(Settings(), load({}), environ)


def test_a_call_that_the_model_sent_elsewhere_uses_the_key_there_is() -> None:
    held = credentials(GROQ_API_KEY="gsk")
    assert held.key("groq", rerouted=True) == (b"authorization", b"Bearer gsk")
    assert held.key("groq", rerouted=False) is None
    assert (held.confides("groq", rerouted=True), held.confides("groq", rerouted=False)) == (True, False)


@pytest.mark.parametrize(
    ("environ", "signed"),
    [
        ({}, False),
        ({"AWS_PROFILE": "dev"}, True),
        ({"AWS_ACCESS_KEY_ID": ""}, False),
        ({"VERTEXAI_PROJECT": "p"}, False),
    ],
)
def test_translated_calls_are_signed_where_the_environment_says_so(environ: dict[str, str], signed: bool) -> None:
    held = credentials(**environ)
    assert held.of_cloud("bedrock") is signed
    assert held.confides("bedrock", rerouted=True)
    assert not held.confides("bedrock", rerouted=False)
    assert not held.of_cloud("groq")


async def test_a_strangers_web_page_does_not_use_them(tmp_path: Path) -> None:
    async with running(tmp_path, environ={"AWS_PROFILE": "dev"}) as stage:
        answer = await stage.ask(post("/v1/chat/completions", BODY, "Origin: https://stranger.example"))
        assert split(answer)[0].split()[1] == "403"
        assert stage.records() == []
