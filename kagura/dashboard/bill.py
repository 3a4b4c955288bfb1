"""Sums of cost that keep billed, estimated and unknown apart."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from kagura.dashboard.amounts import bill_text
from kagura.model import Cost, Span, SpanKind

PROMPT_UNITS = frozenset(
    {
        *("input", "cache_read", "cache_write", "cache_write_1h", "cache_write_12h", "citation"),
        *("audio_input", "audio_cache_read", "audio_cache_write"),
        *("image_input", "image_cache_read", "video_input"),
    }
)
"""Units of a bill that belong to what was sent."""

COMPLETION_UNITS = frozenset({"output", "reasoning", "audio_output", "image_output", "video_output"})
"""Units of a bill that belong to what was answered."""


@dataclass(frozen=True)
class Bill:
    """US dollars that providers' own counts make, those that kagura's estimates make, and calls with no price."""

    billed: Decimal = Decimal(0)
    estimated: Decimal = Decimal(0)
    unknown_calls: int = 0

    @classmethod
    def of(cls, spans: Iterable[Span]) -> "Bill":
        """The bill of some calls: no cost is nothing to pay, a cost without total is one that nobody knows.

        An agent span may repeat the sum of its calls, so its own cost is left out.
        """
        billed = estimated = Decimal(0)
        unknown = 0
        for span in spans:
            if span.kind is SpanKind.AGENT:
                continue
            total = span.cost.total if span.cost else None
            if total is None:
                unknown += span.cost is not None
            elif span.cost and span.cost.estimated:
                estimated += total
            else:
                billed += total
        return cls(billed, estimated, unknown)

    def __str__(self) -> str:
        """`$0.0044`, `$2.45 + ~$0.0100`, `unknown`, `$2.45 + 3 unknown`, `-` where there was nothing to pay."""
        return bill_text(self.billed, self.estimated, self.unknown_calls)


def part_of(cost: Cost | None, units: frozenset[str]) -> Decimal | None:
    """What the lines of a bill with these units come to; `None` where the bill has no such line."""
    amounts = [line.amount for line in cost.lines if line.unit in units] if cost else []
    return sum(amounts, Decimal(0)) if amounts else None
