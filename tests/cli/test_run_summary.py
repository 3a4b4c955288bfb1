"""What is told of a run at its end."""

import threading
from pathlib import Path

from kagura.cli.run_summary import settled
from kagura.config import Settings
from kagura.journal import JournalWriter, Reported, collector_lock
from kagura.model import Event, Status, now_us


def test_a_store_that_its_collector_has_not_made_yet_is_waited_for(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    writer = JournalWriter(settings.journal_dir)
    for name, data in (("start", {"agent": "idle", "source": "run"}), ("end", {"status": "completed"})):
        event = Event(type=f"execution.{name}", at=now_us(), execution_id="run_1", data=data)
        writer.append(Reported(event=event))
    writer.close()
    collector_begins_late = collector_lock(settings.journal_dir)
    assert collector_begins_late
    threading.Timer(0.3, collector_begins_late).start()
    trace = settled(settings, "run_1")
    assert trace and trace.execution.status is Status.COMPLETED
