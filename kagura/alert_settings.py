"""Rules and channels of `alerts:` as config.yaml has them, and what a condition such as `cost > $5 in 1h` means."""

import base64
import binascii
import difflib
import re
import time
from decimal import Decimal, InvalidOperation
from typing import Literal
from urllib.parse import urlsplit

import msgspec

MICROSECONDS = 1_000_000
CALENDAR = ("today", "this month")
"""Windows that begin with the local day, or with the local month."""

LONGEST_WINDOW = 31 * 86_400 * MICROSECONDS
SHORTEST_WINDOW = 60 * MICROSECONDS

BUILT_IN_CHANNELS = ("terminal", "log", "desktop")
"""Channels that need no settings."""

Unit = Literal["money", "tokens", "count", "percent", "seconds"]
Source = Literal["sums", "samples", "runs", "tools"]
"""What a figure is computed from: roll-ups, the durations of single calls, runs, the calls of tools."""


class Metric(msgspec.Struct, frozen=True):
    """A figure that a condition can be about."""

    name: str
    unit: Unit
    source: Source
    what: str
    """Which part of the source: a column, or the field that is timed."""
    quantile: float | None = None
    is_rate: bool = False
    """It says nothing before there are enough calls (`min_calls`)."""


def _percentiles() -> list[Metric]:
    return [
        Metric(f"p{percent} {name}", "seconds", "samples", column, percent / 100, is_rate=True)
        for percent in (50, 95, 99)
        for name, column in (("duration", "duration"), ("first token", "time_to_first_chunk"))
    ]


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("cost", "money", "sums", "cost"),
        Metric("cost per run", "money", "runs", "cost"),
        Metric("tokens", "tokens", "sums", "tokens"),
        Metric("input tokens", "tokens", "sums", "input_tokens"),
        Metric("output tokens", "tokens", "sums", "output_tokens"),
        Metric("calls", "count", "sums", "requests"),
        Metric("calls per minute", "count", "sums", "requests_per_minute"),
        Metric("errors", "count", "sums", "errors"),
        Metric("error rate", "percent", "sums", "error_rate", is_rate=True),
        Metric("unknown cost calls", "count", "sums", "unknown_cost_calls"),
        *_percentiles(),
        Metric("run duration", "seconds", "runs", "duration"),
        Metric("tool repeats", "count", "tools", "repeats"),
    )
}

DIMENSIONS: dict[Source, tuple[str, ...]] = {
    "sums": ("agent", "model", "provider", "user", "tag"),
    "samples": ("agent", "model", "provider", "user", "tag"),
    "runs": ("agent", "user", "tag", "run"),
    "tools": ("agent", "user", "run"),
}
"""By what the figures of a source can be chosen and split."""


class AlertRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """When to speak up, about what, to whom."""

    when: str
    agent: str | None = None
    model: str | None = None
    provider: str | None = None
    user: str | None = None
    tag: str | None = None
    each: str | None = None
    min_calls: int = 10
    lasting: str = msgspec.field(default="0s", name="for")
    cooldown: str = "15m"
    resolved: bool = True
    send: list[str] = msgspec.field(default_factory=lambda: ["terminal", "log"])

    @property
    def condition(self) -> "Condition":
        """What `when` says. Raises ValueError."""
        return parse_condition(self.when)


class AlertChannel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A way to somebody: exactly one of `webhook`, `command` and `apprise`."""

    webhook: str | None = None
    command: list[str] | None = None
    apprise: str | None = None
    secret: str | None = None
    timeout: str = "10s"


class Condition(msgspec.Struct, frozen=True):
    """A figure, a comparison, a threshold and the time over which the figure is taken."""

    metric: Metric
    operator: str
    """`>`, `>=`, `<` or `<=`."""
    threshold: Decimal
    """Dollars, tokens, a count, percent (0 to 100) or seconds, as the metric's unit says."""
    window: int
    """Microseconds; 0 where it is one of the calendar."""
    calendar: str = ""
    """One of `CALENDAR`, or empty."""

    def since(self, until: int) -> int:
        """When the window begins that ends at an instant."""
        return begins(self.calendar, until) if self.calendar else until - self.window

    def holds(self, value: Decimal | float) -> bool:
        """Whether the value is on the wrong side of the threshold."""
        if self.operator == ">":
            return value > self.threshold
        if self.operator == ">=":
            return value >= self.threshold
        return value < self.threshold if self.operator == "<" else value <= self.threshold


_CONDITION = re.compile(
    r"\s*(?P<metric>[a-z][a-z0-9_ -]*?)(?:\s+(?P<before>today|this\s+month))?\s*(?P<operator>>=|<=|>|<)"
    r"\s*(?P<threshold>[^<>=]+?)(?:\s+in\s+(?P<window>\S+)|\s+(?P<behind>today|this\s+month))?\s*",
    re.IGNORECASE,
)
_NUMBER = r"(\d[\d_,]*(?:\.\d+)?)"
_UNITS: dict[Unit, tuple[re.Pattern[str], str]] = {
    "money": (re.compile(rf"(?:\$\s*{_NUMBER}|{_NUMBER}\s*(?:usd|dollars?))", re.I), "US dollars: $5 or $0.25"),
    "tokens": (re.compile(rf"{_NUMBER}\s*([km]?)(?:\s*tokens)?", re.I), "a number of tokens: 500k, 2M or 1,000,000"),
    "count": (re.compile(_NUMBER), "a number: 5"),
    "percent": (re.compile(rf"{_NUMBER}\s*%"), "percent: 20%"),
    "seconds": (re.compile(rf"{_NUMBER}\s*(ms|s|m|h|d)", re.I), "a time with its unit: 30s, 800ms or 5m"),
}
_SECONDS = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600), "d": Decimal(86_400)}
_THOUSANDS = {"k": 1000, "m": 1_000_000}
_FORM = "Write it as FIGURE > THRESHOLD in WINDOW, such as `cost > $5 in 1h`, or as `cost > $20 today`."


def parse_condition(text: str) -> Condition:
    """What `cost > $5 in 1h` means. Raises ValueError that says what is wrong and how it is written."""
    found = _CONDITION.fullmatch(text)
    windows = [found[name] for name in ("before", "window", "behind") if found[name]] if found else []
    if not found or len(windows) != 1:
        raise ValueError(f"{text!r} is no condition. {_FORM}")
    metric = _metric(found["metric"])
    threshold = _threshold(metric, found["threshold"])
    if found["window"]:
        return Condition(metric, found["operator"], threshold, _window(found["window"]))
    if found["operator"].startswith("<"):
        raise ValueError(f"{text!r}: too little can be told of a whole window alone. Write `in 1d` instead")
    return Condition(metric, found["operator"], threshold, 0, " ".join(windows[0].lower().split()))


def _metric(text: str) -> Metric:
    name = " ".join(re.split(r"[\s_-]+", text.strip().lower()))
    if name in METRICS:
        return METRICS[name]
    near = difflib.get_close_matches(name, METRICS, n=1)
    known = f"Did you mean `{near[0]}`?" if near else f"Known are {', '.join(METRICS)}."
    raise ValueError(f"no figure is called {name!r}. {known}")


def _threshold(metric: Metric, text: str) -> Decimal:
    pattern, form = _UNITS[metric.unit]
    found = pattern.fullmatch(text)
    groups = [group for group in found.groups() if group] if found else []
    if not groups:
        raise ValueError(f"{text!r} is no threshold for {metric.name}: give {form}")
    number = Decimal(groups[0].replace(",", "").replace("_", ""))
    if metric.unit == "tokens" and len(groups) > 1:
        return number * _THOUSANDS[groups[1].lower()]
    return number * _SECONDS[groups[1].lower()] if metric.unit == "seconds" else number


def _window(text: str) -> int:
    window = duration(text)
    if not SHORTEST_WINDOW <= window <= LONGEST_WINDOW:
        raise ValueError(f"a window of {text} is too {'short' if window < SHORTEST_WINDOW else 'long'}: from 1m to 31d")
    return window


def begins(calendar: str, at: int) -> int:
    """When the local day, or the local month, began that an instant lies in."""
    local = time.localtime(at // MICROSECONDS)
    day = local.tm_mday if calendar == "today" else 1
    return int(time.mktime((local.tm_year, local.tm_mon, day, 0, 0, 0, 0, 0, -1))) * MICROSECONDS


def ends(calendar: str, at: int) -> int:
    """When the local day, or the local month, ends that an instant lies in."""
    local = time.localtime(at // MICROSECONDS)
    month, day = (local.tm_mon, local.tm_mday + 1) if calendar == "today" else (local.tm_mon + 1, 1)
    return int(time.mktime((local.tm_year, month, day, 0, 0, 0, 0, 0, -1))) * MICROSECONDS


def duration(text: str) -> int:
    """Microseconds of `15m`, `1.5h`, `0s`. Raises ValueError."""
    pattern, form = _UNITS["seconds"]
    found = pattern.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is no duration: give {form}")
    try:
        return int(Decimal(found[1].replace(",", "").replace("_", "")) * _SECONDS[found[2].lower()] * MICROSECONDS)
    except InvalidOperation:
        raise ValueError(f"{text!r} is too long") from None


def check_rule(rule: AlertRule, channels: dict[str, AlertChannel]) -> None:
    """Raise ValueError for what a rule cannot mean."""
    condition = rule.condition
    duration(rule.cooldown)
    if duration(rule.lasting) > LONGEST_WINDOW:
        raise ValueError("`for` is too long: at most 31d")
    if rule.min_calls < 1:
        raise ValueError("`min_calls` must be 1 or more")
    allowed = DIMENSIONS[condition.metric.source]
    for name in ("agent", "model", "provider", "user", "tag"):
        if getattr(rule, name) is not None and name not in allowed:
            raise ValueError(f"{condition.metric.name} cannot be chosen by `{name}`, only by {_listed(allowed)}")
    if rule.tag is not None and not re.fullmatch(r"[^=]+=.+", rule.tag):
        raise ValueError(f"`tag` is {rule.tag!r}: give KEY=VALUE")
    if rule.each is not None:
        _check_each(rule.each, condition.metric.name, allowed)
    known = (*BUILT_IN_CHANNELS, *channels)
    for name in rule.send:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean `{near[0]}`?" if near else f"Known are {', '.join(known)}."
            raise ValueError(f"`send` names the channel {name!r}, which `alerts.channels` does not have. {hint}")


def _check_each(each: str, metric: str, allowed: tuple[str, ...]) -> None:
    is_tag = each.startswith("tag:") and len(each) > len("tag:")
    if (is_tag and "tag" in allowed) or (each != "tag" and each in allowed):
        return
    raise ValueError(f"{metric} cannot be split by `each: {each}`, only by {_listed(allowed)}")


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join("tag:KEY" if name == "tag" else name for name in names)


def check_channel(name: str, channel: AlertChannel) -> None:
    """Raise ValueError for a channel that leads nowhere or is unsafe; variables in it are not looked up."""
    if name in BUILT_IN_CHANNELS:
        raise ValueError(f"{name!r} is built in and has no settings; choose another name")
    ways = [way for way in ("webhook", "command", "apprise") if getattr(channel, way)]
    if len(ways) != 1:
        raise ValueError("give exactly one of `webhook` (an address), `command` (a list) and `apprise` (its URL)")
    if not 100_000 <= duration(channel.timeout) <= 60 * MICROSECONDS:
        raise ValueError("`timeout` must be from 0.1s to 60s")
    if channel.webhook and not channel.webhook.startswith("${"):
        check_address(channel.webhook)
    if channel.secret is None:
        return
    if not channel.webhook:
        raise ValueError("`secret` signs webhooks only")
    if not re.fullmatch(r"\$\{\w+\}", channel.secret):
        raise ValueError("`secret` must name an environment variable, such as ${WEBHOOK_SECRET}")


def check_address(url: str) -> None:
    """Raise ValueError where a webhook would not go over http or https; the message does not hold the address."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise ValueError("`webhook` must be an address that begins with https:// or http://")


def signing_key(secret: str) -> bytes:
    """The key in a Standard Webhooks secret: base64 of 24 to 64 bytes, with or without `whsec_`. Raises ValueError."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not 24 <= len(key) <= 64:
        raise ValueError("the secret must be base64 of 24 to 64 bytes; `openssl rand -base64 32` makes one")
    return key
