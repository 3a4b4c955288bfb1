"""Counting by OpenAI's encodings, from files that come with kagura."""

import builtins
from typing import Any

import pytest

from kagura.collector import tokens
from kagura.collector.tokens import ENCODINGS, SAMPLED_ABOVE, count_tokens, encoding_of


def test_tokens_are_those_of_openai_s_tokenizer() -> None:
    # The examples of How_to_count_tokens_with_tiktoken in https://github.com/openai/openai-cookbook
    assert count_tokens(["antidisestablishmentarianism"], "gpt-4").tokens == 6
    assert count_tokens(["お誕生日おめでとう"], "gpt-4").tokens == 9
    assert count_tokens(["お誕生日おめでとう"], "gpt-4o").tokens == 8


@pytest.mark.parametrize(
    ("model", "encoding", "own"),
    [
        ("gpt-4o-mini-2024-07-18", "o200k_base", True),
        ("gpt-4.1-nano", "o200k_base", True),
        ("openai/gpt-5-codex", "o200k_base", True),
        ("o3-mini", "o200k_base", True),
        ("gpt-4-0613", "cl100k_base", True),
        ("gpt-35-turbo", "cl100k_base", True),
        ("text-embedding-3-small", "cl100k_base", True),
        ("claude-sonnet-4-5", "o200k_base", False),
        (None, "o200k_base", False),
    ],
)
def test_each_model_has_its_encoding(model: str | None, encoding: str, own: bool) -> None:
    assert encoding_of(model) == (encoding, own)


@pytest.mark.parametrize("name", ENCODINGS)
def test_the_files_are_those_that_tiktoken_knows(name: str) -> None:
    tokens._encoder.cache_clear()
    assert tokens._encoder(name) is not None


@pytest.mark.parametrize("text", ["", "<|endoftext|>", "\ud800 lone", "\x00", "a" * 20_000, " " * 20_000])
def test_any_text_can_be_counted(text: str) -> None:
    counted = count_tokens([text], "gpt-4o")
    assert counted.share == 1
    assert bool(counted.tokens) is bool(text)


def test_a_long_text_is_sampled_evenly() -> None:
    half = SAMPLED_ABOVE
    mixed = "plain words here " * (half // 17) + "1234567890" * (half // 10)
    counted = count_tokens([mixed], "gpt-4o")
    whole = sum(count_tokens([part], "gpt-4o").tokens for part in (mixed[:half], mixed[half:]))
    assert counted.share == 0.5
    assert abs(counted.tokens / whole - 1) < 0.02


def test_without_tiktoken_four_bytes_are_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "tiktoken":
            raise ImportError
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    tokens._encoder.cache_clear()
    counted = count_tokens(["x" * 40, "日本"], "gpt-4o")
    tokens._encoder.cache_clear()
    assert (counted.tokens, counted.method, counted.own) == (12, "bytes/4", False)
