"""Says what is due, channel by channel, and tries again what was not taken."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from kagura.alerts.channels import Channel, channel
from kagura.alerts.telling import Event
from kagura.config import Settings
from kagura.model import now_us
from kagura.store import AlertMessage, Store

log = logging.getLogger(__name__)

LEASE_US = 180_000_000
"""A message that was taken and not reported on is taken again: whoever took it has died. Longer than any try."""

BACKOFF_SECONDS = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800)
"""Pauses after the first, second, … try; after the last one a message is given up, most of a day later."""

AT_ONCE = 4
"""Channels that are talked to at the same time."""


class Delivery:
    """Takes messages out of the store and gives them to their channels."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        channel_of: Callable[[str, Settings], Channel] = channel,
        now: Callable[[], int] = now_us,
    ) -> None:
        self._store, self._settings = store, settings
        self._channel_of, self._now = channel_of, now

    def deliver(self) -> int:
        """Say what is due; returns how many messages were taken by their channels.

        Channels do not wait for one another. One that fails is left alone until its next try.
        """
        by_channel: dict[str, list[AlertMessage]] = defaultdict(list)
        for message in self._store.take_messages(self._now(), LEASE_US):
            by_channel[message.channel].append(message)
        if not by_channel:
            return 0
        with ThreadPoolExecutor(AT_ONCE, "kagura alerts") as pool:
            return sum(pool.map(self._channel, by_channel, by_channel.values()))

    def _channel(self, name: str, messages: Sequence[AlertMessage]) -> int:
        say = self._channel_of(name, self._settings)
        for number, message in enumerate(messages):
            failure = said(say, msgspec.json.decode(message.body, type=Event))
            if failure is not None:
                self._note_failure(message, failure)
                for later in messages[number + 1 :]:
                    self._store.message_failed(later, failure, self._now() + BACKOFF_SECONDS[0] * 1_000_000)
                return number
            self._store.message_delivered(message, self._now())
        return len(messages)

    def _note_failure(self, message: AlertMessage, failure: str) -> None:
        attempt = message.attempts
        if attempt >= len(BACKOFF_SECONDS):
            log.error("alert %s could not be sent to %s and is given up: %s", message.rule, message.channel, failure)
            self._store.message_failed(message, failure, None)
            return
        wait = BACKOFF_SECONDS[attempt]
        log.warning("alert %s: %s: %s; next try in %s s", message.rule, message.channel, failure, wait)
        self._store.message_failed(message, failure, self._now() + wait * 1_000_000)


def said(say: Channel, event: Event) -> str | None:
    """What came of saying an event; whatever a channel raises is a failure like others."""
    try:
        return say(event)
    except Exception as error:
        log.debug("a channel failed", exc_info=True)
        return f"{type(error).__name__}"


def try_channels(settings: Settings, event: Event, names: Sequence[str]) -> Mapping[str, tuple[str | None, float]]:
    """Say an event through channels at once, past the store: what each answered, and how many seconds that took."""

    def attempt(name: str) -> tuple[str | None, float]:
        began = time.monotonic()
        return said(channel(name, settings), event), time.monotonic() - began

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(names, pool.map(attempt, names), strict=True))
