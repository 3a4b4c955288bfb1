"""What a type cannot say of a setting: whether its value makes sense. Errors name the place in the file.

`places` has the names of settings that came from elsewhere, and from where.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial

from kagura.alert_settings import AlertChannel, AlertRule, check_channel, check_rule
from kagura.errors import ConfigError
from kagura.settings_file import SettingsFile


def check_patterns(patterns: list[str], source: SettingsFile) -> None:
    """Raise ConfigError where something of `redact` is no regular expression."""
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ConfigError(
                f"{source.place(['redact'])}: `redact`: {pattern!r} is not a regular expression: {error}",
                "Python's `re` syntax is used.",
            ) from None


def check_discounts(discounts: Mapping[str, Decimal], source: SettingsFile, places: Mapping[str, str]) -> None:
    """Raise ConfigError where a discount is no percentage."""
    for key, percent in discounts.items():
        if not percent.is_finite() or abs(percent) > 100:
            raise ConfigError(
                f"{places.get('discounts') or source.place(['discounts', key])}: `discounts.{key}`: "
                f"{percent} is no percentage",
                "Give percent off the list price, such as 12.5; a negative number adds to it.",
            )


def check_alerts(
    channels: dict[str, AlertChannel],
    rules: dict[str, AlertRule],
    source: SettingsFile,
    places: Mapping[str, str],
) -> None:
    """Raise ConfigError where a channel or a rule of the alerts cannot be kept to."""

    def check(kind: str, name: str, work: Callable[[], None]) -> None:
        try:
            work()
        except ValueError as error:
            place = places.get(f"alerts.{kind}") or source.place(["alerts", kind, name])
            what, _, remedy = str(error).partition(". ")
            said = f"{place}: `alerts.{kind}.{name}`: {what}"
            raise ConfigError(said, remedy or "docs/alerts.md shows how it is written.") from None

    for name, channel in channels.items():
        check("channels", name, partial(check_channel, name, channel))
    for name, rule in rules.items():
        check("rules", name, partial(check_rule, rule, channels))
