"""Conditions as people write them, and what rules and channels must not say."""

from decimal import Decimal

import pytest

from kagura.alert_settings import (
    METRICS,
    AlertChannel,
    AlertRule,
    check_channel,
    check_rule,
    duration,
    parse_condition,
    signing_key,
)

MINUTE = 60_000_000


@pytest.mark.parametrize(
    ("text", "metric", "operator", "threshold", "minutes"),
    [
        ("cost > $5 in 1h", "cost", ">", "5", 60),
        ("Cost  >  $1,000.50  in 1d", "cost", ">", "1000.50", 1440),
        ("cost>=0.25 USD in 15m", "cost", ">=", "0.25", 15),
        ("cost_per_run > $2 in 30m", "cost per run", ">", "2", 30),
        ("tokens > 1.5M in 1h", "tokens", ">", "1500000", 60),
        ("output-tokens > 500k in 1h", "output tokens", ">", "500000", 60),
        ("error rate >= 20% in 10m", "error rate", ">=", "20", 10),
        ("p95 duration > 1.5m in 15m", "p95 duration", ">", "90", 15),
        ("p95 first token > 800ms in 5m", "p95 first token", ">", "0.800", 5),
        ("calls per minute < 1 in 90s", "calls per minute", "<", "1", 1.5),
        ("run duration > 2h in 1d", "run duration", ">", "7200", 1440),
        ("unknown cost calls > 0 in 31d", "unknown cost calls", ">", "0", 31 * 1440),
    ],
)
def test_a_condition_reads_as_it_is_written(
    text: str, metric: str, operator: str, threshold: str, minutes: float
) -> None:
    found = parse_condition(text)
    assert (found.metric.name, found.operator, found.threshold) == (metric, operator, Decimal(threshold))
    assert found.window == minutes * MINUTE


@pytest.mark.parametrize(
    ("text", "calendar"),
    [
        ("cost > $20 today", "today"),
        ("cost today >= $20", "today"),
        ("Cost > $20  THIS  month", "this month"),
        ("unknown_cost_calls this month > 0", "this month"),
    ],
)
def test_a_window_may_be_one_of_the_calendar(text: str, calendar: str) -> None:
    assert (parse_condition(text).calendar, parse_condition(text).window) == (calendar, 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cost today > $5 in 1h", "is no condition"),
        ("cost > $5 in today", "is no duration"),
        ("cost < $5 today", "too little can be told of a whole window alone"),
        ("cost 5", "is no condition"),
        ("cost > $5", "is no condition"),
        ("cost > $5 in 1h; rm -rf", "is no condition"),
        ("cots > $5 in 1h", "Did you mean `cost`"),
        ("cost > 5 in 1h", "'5' is no threshold for cost: give US dollars"),
        ("error rate > 0.2 in 1h", "give percent: 20%"),
        ("p95 duration > 30 in 1h", "give a time with its unit"),
        ("tokens > 1G in 1h", "give a number of tokens"),
        ("tool repeats >= 5s in 1h", "give a number: 5"),
        ("cost > $5 in 1y", "is no duration"),
        ("cost > $5 in 10s", "too short"),
        ("cost > $5 in 32d", "too long"),
    ],
)
def test_a_condition_that_means_nothing_is_refused_with_a_remedy(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        parse_condition(text)


def test_comparisons_hold_on_the_side_that_is_written() -> None:
    table = {">": (False, False, True), ">=": (False, True, True), "<": (True, False, False), "<=": (True, True, False)}
    for operator, expected in table.items():
        condition = parse_condition(f"cost {operator} $5 in 1h")
        assert tuple(condition.holds(Decimal(value)) for value in ("4.99", "5", "5.01")) == expected


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"when": "run duration > 1h in 1d", "model": "gpt-4o"}, "cannot be chosen by `model`"),
        ({"when": "cost > $5 in 1h", "each": "run"}, "cannot be split by `each: run`"),
        ({"when": "cost > $5 in 1h", "each": "tag:"}, "cannot be split"),
        ({"when": "cost > $5 in 1h", "tag": "team"}, "give KEY=VALUE"),
        ({"when": "cost > $5 in 1h", "cooldown": "soon"}, "'soon' is no duration"),
        ({"when": "cost > $5 in 1h", "lasting": "32d"}, "`for` is too long"),
        ({"when": "error rate > 5% in 1h", "min_calls": 0}, "1 or more"),
        ({"when": "cost > $5 in 1h", "send": ["pagers"]}, "Did you mean `pager`"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(fields: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_rule(AlertRule(**fields), {"pager": AlertChannel(command=["page"])})  # type: ignore[arg-type]


def test_every_figure_can_be_split_by_what_its_source_knows() -> None:
    units = {"money": "$1", "tokens": "1k", "count": "1", "percent": "1%", "seconds": "1s"}
    for name, metric in METRICS.items():
        check_rule(AlertRule(when=f"{name} > {units[metric.unit]} in 1h", each="agent", agent="a*"), {})


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        (AlertChannel(), "exactly one of"),
        (AlertChannel(webhook="https://a", command=["x"]), "exactly one of"),
        (AlertChannel(webhook="file:///etc/passwd"), "must be an address"),
        (AlertChannel(webhook="ftp://a/b"), "must be an address"),
        (AlertChannel(webhook="https://a/\nX: y"), "must be an address"),
        (AlertChannel(webhook="https://a", secret="in plain sight"), "must name an environment variable"),
        (AlertChannel(apprise="slack://a/b/c", secret="${A}"), "signs webhooks only"),
        (AlertChannel(command=["x"], timeout="2m"), "from 0.1s to 60s"),
    ],
)
def test_a_channel_that_is_unsafe_or_leads_nowhere_is_refused(channel: AlertChannel, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_channel("a", channel)


def test_names_of_built_in_channels_are_taken() -> None:
    with pytest.raises(ValueError, match="built in"):
        check_channel("log", AlertChannel(command=["x"]))


def test_a_signing_secret_is_base64_of_enough_bytes() -> None:
    assert signing_key("whsec_" + "QUFB" * 8) == signing_key("QUFB" * 8) == b"AAA" * 8
    for bad in ("", "short", "QUFB", "ä" * 40, "not base64!" * 5):
        with pytest.raises(ValueError, match="openssl rand"):
            signing_key(bad)


def test_durations_have_units() -> None:
    assert duration("1.5h") == 90 * MINUTE
    assert duration("0s") == 0
    with pytest.raises(ValueError, match="no duration"):
        duration("5")
