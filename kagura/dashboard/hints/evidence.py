"""What rules are made of: what they look at, and what they say."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

import msgspec

from kagura.config import Settings
from kagura.errors import PricingError
from kagura.model import Execution, Span, SpanKind, Status
from kagura.pricing import Catalog
from kagura.store.views import Prompt


class Hint(msgspec.Struct, frozen=True):
    """What was noticed, and what may help."""

    rule: str
    """The name of the rule, such as `llm_time`."""
    finding: str
    advice: str
    saving: Decimal | None = None
    """US dollars that the advice would have saved, where that can be computed."""


class Said(NamedTuple):
    """What a rule found; without `advice` it is the rule's own."""

    finding: str
    advice: str = ""
    saving: Decimal | None = None


class Evidence:
    """What is known of a run beside its spans."""

    def __init__(self, prompts: Mapping[str, Prompt] | None = None, load: Callable[[], Catalog] | None = None) -> None:
        self.prompts = prompts or {}
        self._load = load

    @cached_property
    def catalog(self) -> Catalog | None:
        """All prices, read when the first rule asks for them; `None` where there are none, or they cannot be read.

        A price list that is broken is told of where prices are asked for; a run is shown all the same.
        """
        try:
            return self._load() if self._load else None
        except PricingError:
            return None


Judge = Callable[[Execution, list[Span], Evidence], Iterable[Said]]


class Rule(NamedTuple):
    """One rule: `judge` yields what it found, `when` says to people from when on it speaks."""

    name: str
    when: str
    advice: str
    judge: Judge


def evidence_of(prompts: Mapping[str, Prompt], settings: Settings) -> Evidence:
    """The evidence for the rules, with the prices that hold under these settings."""
    return Evidence(prompts, lambda: Catalog.load([settings.prices_file], settings.prices, settings.discounts))


def llm_calls(spans: Iterable[Span]) -> list[Span]:
    """The calls to language models that were answered, by start; without those by which clients only try whether."""
    answered = [
        span
        for span in spans
        if span.kind is SpanKind.LLM and span.status is Status.COMPLETED and span.attributes.get("side") != "probe"
    ]
    return sorted(answered, key=lambda span: (span.started_at, span.id))


def model_of(span: Span) -> str | None:
    """The model that answered, or else that was asked."""
    return span.response_model or span.request_model


def covered(spans: Iterable[Span]) -> int:
    """Microseconds in which at least one of the spans was under way."""
    total, reached = 0, None
    for start, end in sorted((span.started_at, span.ended_at) for span in spans if span.ended_at is not None):
        begin = start if reached is None else max(start, reached)
        total += max(end - begin, 0)
        reached = end if reached is None else max(end, reached)
    return total
