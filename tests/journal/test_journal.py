"""The journal keeps every whole record, whatever happens to its writer."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kagura.errors import JournalError
from kagura.journal import Ended, JournalWriter, Started, exchange, journal_files, try_lock
from kagura.journal.records import MAGIC
from kagura.model import Body, Outcome


def started(n: int, body: bytes = b"{}") -> Started:
    return Started(
        id=f"{n:016x}",
        provider="openai",
        dialect="openai",
        method="POST",
        target="/v1/chat/completions",
        received_at=n,
        request_body=Body(body, len(body)),
    )


def ended(n: int) -> Ended:
    return Ended(id=f"{n:016x}", outcome=Outcome.COMPLETED, done_at=n + 1, status=200, response_body=Body(b"ok", 2))


def ids(folder: Path) -> list[str]:
    return [
        record.id
        for file in journal_files(folder)
        for _, record in file.records()
        if isinstance(record, Started | Ended)
    ]


def test_records_come_back_in_order_and_whole(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "journal")
    for n in range(5):
        writer.append(started(n))
        writer.append(ended(n))
    (file,) = journal_files(tmp_path / "journal")
    records = [record for _, record in file.records()]
    first, second = records[:2]
    assert isinstance(first, Started)
    assert isinstance(second, Ended)
    whole = exchange(first, second)
    assert (whole.id, whole.status, whole.request_body.data, whole.response_body.data) == ("0" * 16, 200, b"{}", b"ok")
    assert len(records) == 10


def test_reading_resumes_at_every_position(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path)
    for n in range(4):
        writer.append(started(n))
    (file,) = journal_files(tmp_path)
    positions = [position for position, _ in file.records()]
    for n, position in enumerate(positions):
        assert len(list(file.records(position))) == 3 - n


def test_a_file_cut_at_any_byte_gives_the_records_before_the_cut(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path)
    for n in range(3):
        writer.append(started(n))
    writer.close()
    (file,) = journal_files(tmp_path)
    whole = file.path.read_bytes()
    ends = [position for position, _ in file.records()]
    for cut in range(len(whole)):
        file.path.write_bytes(whole[:cut])
        records = list(file.records())
        assert len(records) == sum(end <= cut for end in ends)
        assert not file.damaged_at(records[-1][0] if records else min(cut, len(MAGIC)))


def test_a_flipped_bit_ends_the_reading_and_counts_as_damage(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path)
    for n in range(3):
        writer.append(started(n))
    (file,) = journal_files(tmp_path)
    first, second, _ = [position for position, _ in file.records()]
    data = bytearray(file.path.read_bytes())
    data[second - 3] ^= 1
    file.path.write_bytes(data)
    assert [position for position, _ in file.records()] == [first]
    assert file.damaged_at(first)


def test_a_record_longer_than_a_read_comes_back(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path)
    body = random.Random(1).randbytes(20 << 20)
    writer.append(started(1, body))
    writer.append(started(2))
    (file,) = journal_files(tmp_path)
    records = [record for _, record in file.records()]
    assert isinstance(records[0], Started)
    assert records[0].request_body is not None
    assert records[0].request_body.data == body
    assert len(records) == 2


def test_files_are_private_and_their_folders_too(tmp_path: Path) -> None:
    JournalWriter(tmp_path / "home" / "journal").append(started(1))
    (file,) = journal_files(tmp_path / "home" / "journal")
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "home" / "journal").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_a_full_segment_is_let_go_and_a_new_one_of_the_same_writer_begun(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, segment_size=1000)
    for n in range(20):
        writer.append(started(n, b"x" * 200))
    files = journal_files(tmp_path)
    assert len(files) > 3
    assert [file.writer_lives() for file in files] == [False] * (len(files) - 1) + [True]
    assert len({file.writer for file in files}) == 1
    assert len(ids(tmp_path)) == 20


def test_a_closed_writer_is_seen_as_gone(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path)
    writer.append(started(1))
    (file,) = journal_files(tmp_path)
    assert file.writer_lives()
    writer.close()
    assert not file.writer_lives()


def test_a_disk_that_is_full_raises_and_leaves_no_half_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = JournalWriter(tmp_path)
    writer.append(started(1))
    real = os.write

    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "writev", lambda fd, parts: real(fd, parts[0]))
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(JournalError, match="No space left"):
        writer.append(started(2))
    monkeypatch.undo()
    writer.append(started(3))
    assert ids(tmp_path) == [f"{1:016x}", f"{3:016x}"]


def test_a_file_that_somebody_deleted_is_followed_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kagura.journal.writer.LOOK_NS", 0)
    writer = JournalWriter(tmp_path)
    writer.append(started(1))
    (file,) = journal_files(tmp_path)
    file.remove()
    writer.append(started(2))
    assert ids(tmp_path) == [f"{2:016x}"]


def test_nothing_is_written_into_a_deleted_file_while_no_other_can_be_begun(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    writer = JournalWriter(folder)
    writer.append(started(1))
    shutil.rmtree(folder)
    folder.write_text("in the way")
    time.sleep(0.03)
    for _ in range(3):
        with pytest.raises(JournalError):
            writer.append(ended(1))
    folder.unlink()
    writer.append(ended(1))
    assert ids(folder) == ["0" * 15 + "1"]


def test_a_clock_that_is_set_back_changes_no_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = JournalWriter(tmp_path, segment_size=1)
    writer.append(started(1))
    monkeypatch.setattr(time, "time_ns", lambda: 5)
    writer.append(ended(1))
    records = [record for file in journal_files(tmp_path) for _, record in file.records()]
    assert [type(record) for record in records] == [Started, Ended]


def test_a_folder_that_cannot_be_made_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(JournalError, match=str(tmp_path / "file")):
        JournalWriter(tmp_path / "file" / "journal").append(started(1))


def test_links_hidden_and_foreign_files_are_passed_over(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("not yours")
    folder = tmp_path / "journal"
    JournalWriter(folder).append(started(1))
    (folder / "00-1-aa-1.kj").symlink_to(secret)
    (folder / ".00-2-bb-1.kj").write_bytes(MAGIC)
    (folder / "notes.txt").write_text("hello")
    assert len(journal_files(folder)) == 1


def test_a_file_of_somebody_else_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "0-1-a-1.kj").write_text("#!/bin/sh and much more text than the magic line has")
    (file,) = journal_files(tmp_path)
    with pytest.raises(JournalError, match="not a journal file"):
        list(file.records())


def test_a_forked_process_writes_a_file_of_its_own(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path\n"
        "from tests.journal.test_journal import started\n"
        "from kagura.journal import JournalWriter\n"
        "w = JournalWriter(Path(sys.argv[1])); w.append(started(1))\n"
        "if os.fork() == 0:\n    w.append(started(2)); os._exit(0)\n"
        "os.wait(); w.append(started(3))\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, cwd=Path(__file__).parents[2])
    files = journal_files(tmp_path)
    assert len(files) == 2
    assert files[0].writer != files[1].writer
    assert sorted(ids(tmp_path)) == [f"{n:016x}" for n in (1, 2, 3)]


def test_what_a_killed_writer_had_written_is_whole(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from tests.journal.test_journal import started\n"
        "from kagura.journal import JournalWriter\n"
        "w = JournalWriter(Path(sys.argv[1])); n = 0\n"
        "while True:\n    w.append(started(n, b'x' * 5000)); print(n, flush=True); n += 1\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert process.stdout
    first = process.stdout.readline()
    time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    said = [int(line) for line in (first + rest).split(b"\n")[:-1]]
    kept = ids(tmp_path)
    assert kept[: len(said)] == [f"{n:016x}" for n in said]


def test_one_holder_of_a_lock(tmp_path: Path) -> None:
    release = try_lock(tmp_path / "a" / "lock")
    assert release is not None
    assert try_lock(tmp_path / "a" / "lock") is None
    release()
    again = try_lock(tmp_path / "a" / "lock")
    assert again is not None
    again()
