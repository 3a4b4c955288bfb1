"""The variables that `kagura run` sets are all that the SDKs need."""

import os
from collections.abc import Callable

import pytest
from anthropic import Anthropic
from google import genai
from openai import OpenAI

from kagura.cli.pointing import run_environment
from kagura.providers import load
from tests.clients import anthropic_dialogue, gemini_dialogue, openai_dialogue
from tests.clients.installed import Proxy, environment
from tests.clients.upstream import Answer, Upstream

KEYS = {"OPENAI_API_KEY": "sk-test", "ANTHROPIC_API_KEY": "sk-ant-test", "GEMINI_API_KEY": "test"}


def openai_says() -> str | None:
    with OpenAI() as ai:
        asked = ai.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hi"}])
        return asked.choices[0].message.content


def anthropic_says() -> str:
    with Anthropic() as ai:
        messages = [{"role": "user", "content": "Hi"}]
        asked = ai.messages.create(model="claude-haiku-4-5", max_tokens=9, messages=messages)  # type: ignore[arg-type]
        return str(asked.content[0].model_dump()["text"])


def google_says() -> str | None:
    with genai.Client() as ai:
        return ai.models.generate_content(model="gemini-2.5-flash", contents="Hi").text


@pytest.mark.parametrize(
    ("says", "answer", "provider"),
    [
        (openai_says, openai_dialogue.chat({"content": "Good morning"}), "openai"),
        (anthropic_says, anthropic_dialogue.message(anthropic_dialogue.TEXT), "anthropic"),
        (google_says, gemini_dialogue.answer({"text": "Good morning"}), "gemini"),
    ],
    ids=["openai", "anthropic", "google"],
)
def test_an_sdk_needs_nothing_but_the_environment(
    upstream: Upstream,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
    says: Callable[[], str | None],
    answer: Answer,
    provider: str,
) -> None:
    given = run_environment(KEYS, proxy.root, agent="an agent", execution_id=f"from {provider}", table=load({}))
    for name in os.environ.keys() - environment(proxy.home).keys():
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    upstream.plays(answer)
    assert says() == "Good morning"
    (call,) = proxy.calls(1)
    assert (call["provider"], call["agent"], call["execution_id"]) == (provider, "an agent", f"from {provider}")
