"""The collector at work: one per journal folder, the only writer of the store."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from itertools import islice
from typing import TYPE_CHECKING

from kagura.collector.attempts import Attempt, Attempts
from kagura.collector.chains import Chains, Link, Reading, read_chain
from kagura.collector.events import execution_from, metric_from
from kagura.collector.following import Follower
from kagura.collector.homes import Homes
from kagura.collector.interpretation import Interpreter
from kagura.collector.joins import Arrival, Joins
from kagura.collector.memory import give_back
from kagura.collector.redaction import Redaction
from kagura.collector.results import Results
from kagura.collector.standby import IDLE_SECONDS, stand_by
from kagura.collector.subagents import SubAgents
from kagura.collector.tools import Tools
from kagura.config import Settings
from kagura.errors import StoreError
from kagura.journal import Started, Telemetry, collector_lock, journal_files, unfinished
from kagura.model import Event, Exchange, Execution, Outcome, SpanKind, Status, now_us
from kagura.store import Batch, Store

if TYPE_CHECKING:
    from kagura.collector.otlp_export import Exporter
    from kagura.collector.reports import Reports

log = logging.getLogger(__name__)

BATCH_RECORDS = 1000
BATCH_BYTES = 16 << 20
LARGE_BATCH = 200
"""Records of a batch that needed so much memory that it is worth giving back."""
LOOKED_UP_TOGETHER = 100
"""Calls that are understood before the store is asked what they continue: one question for all of them."""
RETRY_SECONDS = (0.5, 1, 2, 5, 10)
PRUNE_EVERY_US = 3_600_000_000
_CALLS = (SpanKind.LLM, SpanKind.EMBEDDING)


class Collector:
    """Moves what stands in the journal to the store, a batch and its positions in one transaction."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        interpreter: Interpreter,
        recorded: Callable[[int], None] = lambda _oldest: None,
    ) -> None:
        """`recorded` is told, of each batch that is stored, when its oldest call that has ended began."""
        self.is_behind = False
        """The last batch was full: there is more to read."""
        self._store, self._recorded = store, recorded
        self._interpreter = interpreter
        self._results = Results(store, interpreter)
        self._attempts = Attempts()
        self._attempts.recall(store)
        self._homes = Homes(store)
        self._chains = Chains(store, self._homes.of)
        self._subagents = SubAgents(store)
        self._redaction = Redaction(settings.capture, settings.redact)
        self._tools = Tools(store, settings.tools, self._redaction)
        self._joins = Joins(store, self._homes, self._tools, now_us())
        self._reports: Reports | None = None
        self._follower = Follower(settings.journal_dir, store.positions())
        store.queues_exports = settings.otlp.endpoint is not None
        self._follower.recall(lambda ids: [span.id for span in store.running_spans(list(ids))])

    def step(self) -> int:
        """Store one batch; returns how many records it held. Raises StoreError where nothing was stored."""
        began: dict[str, Started] = {}
        ended: list[Exchange] = []
        reported: list[Arrival] = []
        batch = Batch()
        records = size = 0
        for item in self._follower.news():
            records += 1
            if isinstance(item, Started):
                began[item.id] = item
            elif isinstance(item, Event):
                self._add_event(batch, item)
            elif isinstance(item, Telemetry):
                found = list(self._arrivals(item))
                reported += found
                # One export may hold as much as many calls.
                records += len(found)
                size += len(item.body)
            else:
                began.pop(item.id, None)
                ended.append(item)
                size += len(item.request_body.data) + len(item.response_body.data)
            if records >= BATCH_RECORDS or size >= BATCH_BYTES:
                break
        self._add(batch, [*ended, *map(unfinished, began.values())])
        self._joins.settle(batch, reported)
        if records:
            batch.positions = dict(self._follower.positions)
            self._store.write(batch)
            self._tell(batch)
        self.is_behind = records >= BATCH_RECORDS or size >= BATCH_BYTES
        return records

    def _tell(self, batch: Batch) -> None:
        ended = (span for span in batch.spans if span.ended_at is not None and span.kind in _CALLS)
        oldest = min((span.started_at for span in ended), default=None)
        if oldest is not None:
            self._recorded(oldest)

    def _arrivals(self, item: Telemetry) -> Iterable[Arrival]:
        # Imported with the first export: most journals hold none.
        from kagura.collector.reports import Reports

        self._reports = self._reports or Reports(self._interpreter)
        return self._reports.arrivals(item)

    def _add(self, batch: Batch, exchanges: Iterable[Exchange]) -> None:
        """Understand exchanges and add what they were to the batch."""
        remaining = iter(exchanges)
        while some := list(islice(remaining, LOOKED_UP_TOGETHER)):
            with self._store.one_state():
                self._add_some(batch, some)
        batch.chains.extend(self._chains.changes())

    def _add_some(self, batch: Batch, exchanges: Sequence[Exchange]) -> None:
        interpreted = [(exchange, self._interpreter.interpret(exchange)) for exchange in exchanges]
        for exchange, found in interpreted:
            self._joins.place_call(found.span, exchange)
        readings = [read_chain(found.span, exchange, found.call) for exchange, found in interpreted]
        self._chains.prefetch(readings)
        self._subagents.prefetch(readings)
        for (exchange, (span, contents, call)), reading in zip(interpreted, readings, strict=True):
            link = self._chains.link(reading) if reading.may_chain else None
            moved = self._attempts.place(span, exchange)
            span.execution_id = self._homes.of(span.execution_id)
            batch.spans.append(span)
            if contents:
                batch.contents.append((span.id, contents))
            self._results.add(batch, exchange, span, call)
            if moved:
                self._move(batch, {attempt.id: attempt for attempt in moved})
            self._add_inferred(batch, reading, link)

    def _add_inferred(self, batch: Batch, reading: Reading, link: Link | None) -> None:
        """Add what a call shows beside itself: its sub-agent, the tools that ran before it."""
        if reading.side:
            reading.span.attributes["side"] = reading.side
        if not reading.may_chain:
            return
        branch, agent = self._subagents.place(reading, link)
        if agent:
            batch.spans.append(agent)
        batch.spans.extend(self._tools.spans(reading, link))
        self._chains.remember(reading, link, branch)

    def _move(self, batch: Batch, moved: Mapping[str, Attempt]) -> None:
        """Write to spans that were given before what attempts they turned out to be."""
        given = {span.id: span for span in batch.spans if span.id in moved}
        stored = self._store.known_spans(moved.keys() - given.keys())
        batch.spans.extend(stored.values())
        for span in (given | stored).values():
            moved[span.id].mark(span)
            span.execution_id = self._homes.of(span.execution_id)

    def _add_event(self, batch: Batch, event: Event) -> None:
        execution = execution_from(event, self._redaction)
        if execution:
            batch.executions.append(execution)
        metric = metric_from(event)
        if metric:
            batch.metrics.append(metric)
        reported = self._interpreter.interpret_event(event)
        if reported:
            self._tools.reported(reported.span)
            batch.spans.append(reported.span)
            if reported.contents:
                batch.contents.append((reported.span.id, reported.contents))

    def tidy(self) -> None:
        """Close what dead processes left open, remove files that are done."""
        follower = self._follower
        calls, runs, spans = follower.orphaned_calls(), follower.orphaned_runs(), follower.orphaned_spans()
        if spans:
            self._store.mark_interrupted(spans, now_us())
            follower.forget_spans(spans)
        if calls or runs:
            batch = Batch()
            cut = [unfinished(start) for start in calls]
            for exchange in cut:
                exchange.outcome = Outcome.INTERRUPTED
            self._add(batch, cut)
            at = now_us()
            batch.executions.extend(_interrupted(id, at) for id in runs)
            batch.positions = dict(follower.positions)
            self._store.write(batch)
            self._tell(batch)
            follower.forget([start.id for start in calls], runs)
        finished = follower.finished_files()
        if finished:
            # Stored for good first: a file that is read twice changes nothing, one that is gone too early would.
            self._store.write(Batch(finished_files=[file.name for file in finished]))
        for file in finished:
            follower.remove(file)


def _interrupted(id: str, at: int) -> Execution:
    return Execution(
        id=id,
        agent="default",
        status=Status.INTERRUPTED,
        started_at=at,
        ended_at=at,
        declared=True,
        error="its process ended without saying how",
    )


def drain(settings: Settings) -> bool:
    """Store everything that waits in the journal, where no collector runs.

    Returns whether this process did it: False where a collector holds the lock and does it itself.
    """
    if not journal_files(settings.journal_dir):
        return False
    release = collector_lock(settings.journal_dir)
    if release is None:
        return False
    try:
        with Store.open(settings.db_url) as store:
            collector = Collector(settings, store, Interpreter.from_settings(settings))
            while collector.step():
                pass
            collector.tidy()
    finally:
        release()
    return True


def run(settings: Settings, stop: threading.Event, now: Callable[[], int] = now_us) -> None:
    """Follow the journal until `stop` is set, then store what is left.

    Waits for the lock where another collector runs. A store that fails is tried again: the journal keeps everything.
    """
    release = stand_by(settings, stop)
    if release is not None:
        serve(settings, stop, release, now)


def serve(
    settings: Settings,
    stop: threading.Event,
    release: Callable[[], None],
    now: Callable[[], int] = now_us,
    read: Callable[[], Settings] | None = None,
) -> None:
    """Follow the journal, with the right to it that `release` gives back at the end.

    With `read`, which reads the settings again, alerts follow changes of the configuration.
    """
    with ExitStack() as at_the_end:
        at_the_end.callback(release)
        exporter = _exporter(settings)
        if exporter:
            at_the_end.callback(exporter.stop)
        recorded = at_the_end.enter_context(_watch(settings, read))
        # Prices and providers are read when there is something to price: until then the process stays small.
        while not journal_files(settings.journal_dir):
            if stop.wait(IDLE_SECONDS):
                break
        interpreter = Interpreter.from_settings(settings)
        failures = 0
        while True:
            try:
                with Store.open(settings.db_url) as store:
                    _follow(settings, Collector(settings, store, interpreter, recorded), store, stop, now, exporter)
                return
            except StoreError as error:
                wait = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
                failures += 1
                log.error("the store cannot be written, calls wait in the journal; next try in %s s: %s", wait, error)
                if stop.wait(wait):
                    return


def _exporter(settings: Settings) -> "Exporter | None":
    """What sends to an OTLP receiver, started; `None` where none is named."""
    if settings.otlp.endpoint is None:
        return None
    from kagura.collector.otlp_export import Exporter

    exporter = Exporter(settings)
    exporter.start()
    return exporter


def _watch(settings: Settings, read: Callable[[], Settings] | None) -> AbstractContextManager[Callable[[int], None]]:
    """The watch over the rules of alerts, for as long as the block runs; gives what is told of stored calls."""
    if settings.alerts.rules:
        from kagura.alerts.watch import watching

        return watching(settings, read)
    if read is None:
        return nullcontext(lambda _oldest: None)
    from kagura.alerts.rereading import waiting_for_rules

    return waiting_for_rules(settings, read)


def _follow(
    settings: Settings,
    collector: Collector,
    store: Store,
    stop: threading.Event,
    now: Callable[[], int],
    exporter: "Exporter | None",
) -> None:
    retention = settings.retention
    pruned_at = 0
    while True:
        stopping = stop.is_set()
        stored = collector.step()
        if stored >= LARGE_BATCH:
            give_back()
        if exporter:
            exporter.gives_way = collector.is_behind
        if collector.is_behind or (stopping and stored):
            continue
        collector.tidy()
        if stopping:
            return
        if (retention.days or retention.content_days) and now() - pruned_at > PRUNE_EVERY_US:
            store.prune(days=retention.days, content_days=retention.content_days, now=now())
            pruned_at = now()
        # A pause gathers what comes meanwhile: a call that began and ended in it is written once, not twice.
        stop.wait(IDLE_SECONDS)
