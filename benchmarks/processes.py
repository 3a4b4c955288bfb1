"""What processes use, read from /proc: CPU time and memory, of one process and of a tree."""

import os
import socket
import time
from pathlib import Path

import msgspec

_TICKS = os.sysconf("SC_CLK_TCK")


class Memory(msgspec.Struct, frozen=True):
    """Memory of a process tree in MB."""

    rss: float
    """Resident sets, added up; what processes share counts once a process."""
    pss: float
    """The same with shared pages divided among those who share them."""


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the command's name; empty where the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def tree(root: int) -> list[int]:
    """A process and all that it started, itself first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def cpu(pids: list[int]) -> float:
    """CPU seconds that these processes have used so far, in user and system mode, all threads.

    The kernel counts in ticks (10 ms as a rule): measure over a second or more.
    """
    return sum(int(ticks) for pid in pids for ticks in _stat(pid)[11:13]) / _TICKS


def memory(pids: list[int]) -> Memory:
    """What these processes hold resident now."""
    rss = pss = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:]}
        rss, pss = rss + sizes["Rss"], pss + sizes["Pss"]
    return Memory(round(rss / 1024, 1), round(pss / 1024, 1))


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether somebody takes connections on a port of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def wait_for(port: int, seconds: float, every: float = 0.02) -> None:
    """Wait until a port takes connections. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not listens(port):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing listens on port {port} after {seconds:g} s")
        time.sleep(every)
