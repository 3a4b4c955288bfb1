"""What happens to records while the journal cannot be written."""

from pathlib import Path

from kagura.errors import JournalError
from kagura.journal import Ended, JournalWriter, Record, Started, journal_files
from kagura.model import Body, Outcome
from kagura.proxy.recorder import MAX_WAITING, Recorder


class Disk(JournalWriter):
    """A journal on a disk that is full when the test says so."""

    full = False

    def append(self, record: Record) -> None:
        if self.full:
            raise JournalError("no space left")
        super().append(record)


def started(n: int) -> Started:
    return Started(
        id=f"{n:016x}",
        provider="openai",
        dialect="openai",
        method="POST",
        target="/v1/x",
        received_at=n,
        usage_asked=True,
    )


def ended(n: int, size: int = 2) -> Ended:
    return Ended(id=f"{n:016x}", outcome=Outcome.COMPLETED, done_at=n, response_body=Body(b"x" * size, size))


def written(folder: Path) -> list[tuple[type[Record], int]]:
    records = [record for file in journal_files(folder) for _, record in file.records()]
    return [(type(record), int(record.id, 16)) for record in records if isinstance(record, Started | Ended)]


def test_calls_that_end_while_the_disk_is_full_are_written_once_it_is_not(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    recorder = Recorder(disk)
    assert recorder.started(started(1))
    disk.full = True
    recorder.ended(ended(1), None)
    assert not recorder.started(started(2))
    recorder.ended(ended(2), started(2))
    assert (recorder.calls_waiting, recorder.calls_lost, recorder.last_failure) == (2, 0, "no space left")
    disk.full = False
    recorder.started(started(3))
    assert (recorder.calls_waiting, recorder.last_failure) == (0, None)
    assert written(tmp_path) == [(Started, 1), (Started, 3), (Ended, 1), (Started, 2), (Ended, 2)]


def test_what_waits_is_bounded(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    recorder = Recorder(disk)
    disk.full = True
    for _ in range(2):
        recorder.ended(ended(1, MAX_WAITING // 2 + 1), None)
    assert (recorder.calls_waiting, recorder.calls_lost) == (1, 1)
    disk.full = False
    recorder.started(started(2))
    disk.full = True
    recorder.ended(ended(3, MAX_WAITING // 2 + 1), None)
    assert (recorder.calls_waiting, recorder.calls_lost) == (1, 1)


def test_what_waits_at_the_end_is_tried_once_more(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    recorder = Recorder(disk)
    disk.full = True
    recorder.ended(ended(1), started(1))
    disk.full = False
    recorder.close()
    assert written(tmp_path) == [(Started, 1), (Ended, 1)]
    assert recorder.calls_lost == 0
