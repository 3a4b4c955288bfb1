"""A call's tokens, taken apart: every token in one part, whatever the provider reports."""

from hypothesis import given
from hypothesis import strategies as st

from kagura.model import Usage
from kagura.pricing.billing import parts

OUTPUT = {"output", "reasoning", "audio_output", "image_output"}

counts = st.none() | st.integers(min_value=-5, max_value=2_000_000)
usages = st.builds(
    Usage,
    input=counts,
    output=counts,
    cache_read=counts,
    cache_write=counts,
    cache_write_1h=counts,
    reasoning=counts,
    audio_input=counts,
    audio_output=counts,
    audio_cache_read=counts,
    image_input=counts,
    image_output=counts,
)


@given(usages, st.booleans())
def test_the_parts_are_the_totals(usage: Usage, reasoning_rated: bool) -> None:
    found = list(parts(usage, {"reasoning"} if reasoning_rated else set()))
    assert all(tokens > 0 for _, tokens in found)
    assert len({unit for unit, _ in found}) == len(found)
    assert sum(tokens for unit, tokens in found if unit not in OUTPUT) == max(usage.input or 0, 0)
    assert sum(tokens for unit, tokens in found if unit in OUTPUT) == max(usage.output or 0, 0)


def test_more_cached_than_sent_is_cut() -> None:
    # Azure's Grok: prompt_tokens 162, cached_tokens 258
    assert list(parts(Usage(input=162, cache_read=258, output=7), ())) == [("cache_read", 162), ("output", 7)]


def test_more_reasoning_than_output_is_cut() -> None:
    # OpenRouter: completion_tokens 20, reasoning_tokens 64
    assert list(parts(Usage(input=1, output=20, reasoning=64), {"reasoning"})) == [("input", 1), ("reasoning", 20)]


def test_a_stale_split_of_cache_writes_leaves_the_total() -> None:
    usage = Usage(input=184_457, cache_write=184_400, cache_write_1h=31_490)
    assert list(parts(usage, ())) == [("input", 57), ("cache_write", 152_910), ("cache_write_1h", 31_490)]


def test_hour_long_cache_writes_alone_are_all_cache_writes() -> None:
    assert list(parts(Usage(input=100, cache_write_1h=30), ())) == [("input", 70), ("cache_write_1h", 30)]


def test_cached_audio_is_no_uncached_audio() -> None:
    usage = Usage(input=100, audio_input=80, cache_read=50, audio_cache_read=50)
    assert list(parts(usage, ())) == [("input", 20), ("audio_cache_read", 50), ("audio_input", 30)]
