from decimal import Decimal

import msgspec
import pytest

from kagura.dashboard.amounts import bill_text, least_text
from kagura.dashboard.bill import COMPLETION_UNITS, PROMPT_UNITS, Bill, part_of
from kagura.model import Cost, SpanKind
from kagura.pricing.units import TOKEN_UNITS
from tests.dashboard.samples import bill, llm, my_spans, span


def test_billed_estimated_and_unknown_are_kept_apart() -> None:
    estimated = msgspec.structs.replace(bill(100, 10), estimated=True)
    spans = [
        *my_spans(),
        llm("e", 0, 1, 100, 10, "", cost=estimated),
        llm("u", 0, 1, 100, 10, "", cost=Cost()),
        llm("n", 0, None, 0, 0, "", cost=None),
    ]
    assert Bill.of(spans) == Bill(Decimal("0.006912"), Decimal("0.0003"), 1)


def test_an_agent_spans_own_sum_is_not_counted_twice() -> None:
    assert Bill.of([span("a", SpanKind.AGENT, "x", 0, 1, cost=bill(100, 10))]) == Bill()


@pytest.mark.parametrize(
    ("parts", "whole", "short"),
    [
        (("0", "0", 0), "-", "-"),
        (("0.0044", "0", 0), "$0.0044", "$0.0044"),
        (("0", "0.5", 0), "~$0.50", "~$0.50"),
        (("0", "0", 3), "unknown", "unknown"),
        (("2", "0", 3), "$2.00 + 3 unknown", "$2.00+"),
        (("2", "0.5", 3), "$2.00 + ~$0.50 + 3 unknown", "$2.00+"),
        (("0", "0.5", 3), "~$0.50 + 3 unknown", "~$0.50+"),
    ],
)
def test_sums_in_words(parts: tuple[str, str, int], whole: str, short: str) -> None:
    billed, estimated, unknown = Decimal(parts[0]), Decimal(parts[1]), parts[2]
    assert bill_text(billed, estimated, unknown) == whole
    assert least_text(billed, estimated, unknown) == short


def test_a_bill_splits_into_what_was_sent_and_what_was_answered() -> None:
    cost = bill(512, 128)
    assert part_of(cost, PROMPT_UNITS) == Decimal("0.001024")
    assert part_of(cost, COMPLETION_UNITS) == Decimal("0.00128")
    assert part_of(Cost(total=Decimal(1)), PROMPT_UNITS) is None
    assert part_of(None, PROMPT_UNITS) is None


def test_every_kind_of_token_is_on_one_side_of_the_bill() -> None:
    assert PROMPT_UNITS | COMPLETION_UNITS == TOKEN_UNITS
    assert not PROMPT_UNITS & COMPLETION_UNITS
