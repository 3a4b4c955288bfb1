"""The append-only intake: frames, files, replay."""

from kagura.journal.reader import JournalFile, journal_files, waiting_bytes
from kagura.journal.records import Ended, Record, Reported, Started, Telemetry, exchange, unfinished
from kagura.journal.writer import JournalWriter, collector_lock, collector_runs, private_folder, try_lock

__all__ = [
    "Ended",
    "JournalFile",
    "JournalWriter",
    "Record",
    "Reported",
    "Started",
    "Telemetry",
    "collector_lock",
    "collector_runs",
    "exchange",
    "journal_files",
    "private_folder",
    "try_lock",
    "unfinished",
    "waiting_bytes",
]
