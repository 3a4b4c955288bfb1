"""The append-only intake: frames, files, replay."""

from kagura.journal.reader import JournalFile, journal_files
from kagura.journal.records import Ended, Record, Reported, Started, exchange, unfinished
from kagura.journal.writer import JournalWriter, private_folder, try_lock

__all__ = [
    "Ended",
    "JournalFile",
    "JournalWriter",
    "Record",
    "Reported",
    "Started",
    "exchange",
    "journal_files",
    "private_folder",
    "try_lock",
    "unfinished",
]
