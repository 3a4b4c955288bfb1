"""Rules on prompts: sent twice, never cached, growing."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import pairwise

from kagura.dashboard.amounts import count, money, percent
from kagura.dashboard.bill import Bill
from kagura.dashboard.hints.evidence import Evidence, Rule, Said, llm_calls, model_of
from kagura.dashboard.text import safe
from kagura.model import Execution, Span
from kagura.pricing import Price
from kagura.store.views import Prompt

REPEATS = 3

SHORTEST_CACHED = 1024
"""Tokens of a prefix below which providers keep nothing (OpenAI, Anthropic: prompt caching guides)."""
KEPT_FOR = 300_000_000
"""Microseconds after which a prefix is no longer counted as cacheable."""
LOOKED_BACK = 20
CACHEABLE_CALLS = 3
CACHEABLE_SHARE = 0.3

GROWTH = 3
GROWN_TO = 20_000
GROWING_CALLS = 5
CACHED_SHARE = 0.8
SHRINKS = 0.7
"""A prompt of less than this share of the one before was cut down: the count begins anew."""


def _repeated_call(_: Execution, spans: list[Span], seen: Evidence) -> Iterator[Said]:
    same: dict[tuple[str | None, Prompt], list[Span]] = defaultdict(list)
    for span in llm_calls(spans):
        if span.id in seen.prompts and span.attempt == 1:
            same[span.request_model, seen.prompts[span.id]].append(span)
    often = max(same.values(), key=len, default=[])
    if len(often) >= REPEATS:
        bill = Bill.of(often[1:])
        spent = f"; the repeats cost {money(bill.billed)}" if bill.billed else ""
        yield Said(
            f"The same request was sent {len(often)} times to {safe(model_of(often[0]), 80)}{spent}",
            saving=bill.billed or None,
        )


REPEATED_CALL = Rule(
    "repeated_call",
    f"one model gets the very same request {REPEATS} times, retries not counted",
    "Consider keeping the answer",
    _repeated_call,
)


def _cache_never_hit(_: Execution, spans: list[Span], seen: Evidence) -> Iterator[Said]:
    calls: dict[tuple[str | None, str | None], list[Span]] = defaultdict(list)
    for span in llm_calls(spans):
        calls[span.provider, model_of(span)].append(span)
    for (_provider, model), own in calls.items():
        # `None` means that nobody said whether a cache was read; 0 means that none was.
        if any(span.usage is None or span.usage.cache_read != 0 for span in own):
            continue
        repeated = _repeated_tokens(own, seen.prompts)
        if len(repeated) < CACHEABLE_CALLS:
            continue
        again, all_input = sum(repeated.values()), sum(_input(span) for span in own)
        saving = _saved_by_cache(own, repeated, seen)
        if again / all_input < CACHEABLE_SHARE or (saving is not None and saving <= 0):
            continue
        worth = f"; cached, they would have cost about {money(saving)} less" if saving else ""
        yield Said(
            f"No prompt cache was hit by {safe(model, 80)}, though {percent(again, all_input)} of {count(all_input)} "
            f"prompt tokens had been sent before{worth}",
            saving=saving,
        )


def _repeated_tokens(calls: list[Span], prompts: Mapping[str, Prompt]) -> dict[str, int]:
    """Tokens that a call sent again, by span: those of the longest recent call whose whole prompt it begins with."""
    found = {}
    for place, span in enumerate(calls):
        before = [
            _input(earlier)
            for earlier in calls[max(place - LOOKED_BACK, 0) : place]
            if span.started_at - earlier.started_at <= KEPT_FOR
            and span.id in prompts
            and earlier.id in prompts
            and prompts[span.id].continues(prompts[earlier.id])
        ]
        again = min(max(before, default=0), _input(span))
        if again >= SHORTEST_CACHED:
            found[span.id] = again
    return found


def _saved_by_cache(calls: list[Span], repeated: Mapping[str, int], seen: Evidence) -> Decimal | None:
    """What caching would have saved, writing to the cache taken off; `None` where the rates are not known."""
    total = Decimal(0)
    for span in calls:
        paid = next((line for line in span.cost.lines if line.unit == "input"), None) if span.cost else None
        price = _price(span, seen)
        if paid is None or price is None or not price.rates.get("input") or "cache_read" not in price.rates:
            return None
        rate = paid.rate if paid.factor is None else paid.rate * paid.factor
        again = repeated.get(span.id, 0)
        total += again * rate * (1 - price.rates["cache_read"] / price.rates["input"])
        if "cache_write" in price.rates:
            total -= (_input(span) - again) * rate * (price.rates["cache_write"] / price.rates["input"] - 1)
    return total


def _price(span: Span, seen: Evidence) -> Price | None:
    model = model_of(span)
    if seen.catalog is None or span.provider is None or model is None:
        return None
    return seen.catalog.find(span.provider, model, span.started_at)


CACHE_NEVER_HIT = Rule(
    "cache_never_hit",
    f"at least {CACHEABLE_CALLS} calls to one model begin with a whole earlier prompt of {SHORTEST_CACHED:,} tokens or "
    f"more from the last {KEPT_FOR // 60_000_000} minutes, these are {CACHEABLE_SHARE:.0%} of all prompt tokens, the "
    "provider says that it read none from a cache, and caching would have cost less",
    "Keep the beginning of the prompt the same; some providers want cache_control marks",
    _cache_never_hit,
)


def _growing_context(_: Execution, spans: list[Span], __: Evidence) -> Iterator[Said]:
    chains: dict[tuple[str | None, str | None], list[Span]] = defaultdict(list)
    for span in llm_calls(spans):
        if _input(span):
            chains[span.parent_id, model_of(span)].append(span)
    longest = max((_growing(own) for own in chains.values()), key=len, default=[])
    if len(longest) < GROWING_CALLS:
        return
    first, last = _input(longest[0]), _input(longest[-1])
    whole = sum(_input(span) for span in longest)
    cached = sum((span.usage.cache_read if span.usage else None) or 0 for span in longest)
    if last >= GROWN_TO and last >= GROWTH * first and cached < CACHED_SHARE * whole:
        yield Said(
            f"The prompt grew from {count(first)} to {count(last)} tokens in {len(longest)} calls, which sent "
            f"{count(whole)} in all"
        )


def _growing(calls: Iterable[Span]) -> list[Span]:
    """The longest stretch of calls in which no prompt was cut down."""
    own = list(calls)
    stretches = [[own[0]]]
    for before, span in pairwise(own):
        if _input(span) < SHRINKS * _input(before):
            stretches.append([])
        stretches[-1].append(span)
    return max(stretches, key=len)


GROWING_CONTEXT = Rule(
    "growing_context",
    f"in {GROWING_CALLS} or more calls to one model the prompt grows to {GROWTH} times its length, and to "
    f"{GROWN_TO:,} tokens, and less than {CACHED_SHARE:.0%} of all that comes from a cache",
    "Consider summarising or dropping what is no longer needed",
    _growing_context,
)


def _input(span: Span) -> int:
    return (span.usage.input if span.usage else None) or 0
