"""How soon the terminal shows something: the live monitor's first screen, and every view that is printed once.

    python -m benchmarks.terminal [--home FOLDER] [--runs 7] [--against CHECKOUT]

Each command is a process of its own. The monitor runs in a pseudo-terminal of 120 × 40 until what it reads from the
store stands on it. `--against` runs another checkout's code in turn with this one's, so that a busy machine slows both.
`--home` is the folder of a store (`benchmarks.large_store` makes one), by default ~/.kagura.
"""

import argparse
import contextlib
import fcntl
import os
import pty
import resource
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

MAIN = [sys.executable, "-P", "-m", "kagura"]
ONCE = {
    "--help": ["--help"],
    "statusline": ["statusline"],
    "monitor, piped": ["monitor"],
    "monitor --agent": ["monitor", "--agent", "research"],
    "monitor --trace": ["monitor", "--trace"],
    "monitor --cost": ["monitor", "--cost"],
    "monitor --cost --last 30d": ["monitor", "--cost", "--last", "30d"],
    "top": ["top"],
    "tail -n 10 --help": ["tail", "--help"],
    "export --last 1h": ["export", "--last", "1h"],
}
FRAME, DATA = b"Recent Activity", b"COMPLETED"
SIZE = struct.pack("HHHH", 40, 120, 0, 0)
PATIENCE = 20.0


def first_screen(environment: dict[str, str]) -> dict[str, float]:
    """Milliseconds from the start to the frame and to the data, and the CPU that both processes took by then."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, SIZE)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    process = subprocess.Popen(
        [*MAIN, "monitor"], stdin=side, stdout=side, stderr=side, env=environment, start_new_session=True
    )
    os.close(side)
    seen, found = b"", {}
    try:
        while time.perf_counter() - began < PATIENCE and "data" not in found:
            if not select.select([main], [], [], 0.5)[0]:
                continue
            seen += os.read(main, 1 << 16)
            for name, mark in (("frame", FRAME), ("data", DATA)):
                if name not in found and mark in seen:
                    found[name] = (time.perf_counter() - began) * 1000
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(OSError):
            while os.read(main, 1 << 16):
                pass
        process.wait()
        os.close(main)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found | {"CPU": _cpu(before, after)}


def once(words: list[str], environment: dict[str, str]) -> dict[str, float]:
    """Milliseconds of the clock and of CPU that a command takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run([*MAIN, *words], env=environment, capture_output=True)
    took = (time.perf_counter() - began) * 1000
    if done.returncode:
        sys.exit(f"kagura {' '.join(words)}: exit code {done.returncode}\n{done.stderr.decode()}")
    return {"CPU": _cpu(before, resource.getrusage(resource.RUSAGE_CHILDREN)), "clock": took}


def _cpu(before: resource.struct_rusage, after: resource.struct_rusage) -> float:
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def rounds(runs: int, environments: dict[str, dict[str, str]], *, screens: bool) -> Iterator[tuple[str, float]]:
    """Every figure of every command, run by run; the first round only warms the caches."""
    for number in range(runs + 1):
        for name, environment in environments.items():
            measured = {"first screen": first_screen(environment)} if screens else {}
            measured |= {command: once(words, environment) for command, words in ONCE.items()}
            for command, figures in measured.items():
                for figure, value in figures.items() if number else ():
                    yield f"{command}|{figure}|{name}", value


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.terminal", description=__doc__)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--against", type=Path, metavar="CHECKOUT")
    parser.add_argument("--no-monitor", action="store_true", help="only what is printed once")
    options = parser.parse_args()
    environment = dict(os.environ) | {"TERM": "xterm-256color"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program finds its modules compiled
    if options.home:
        environment["KAGURA_HOME"] = str(options.home)
    environments = {"this": environment | {"PYTHONPATH": str(Path(__file__).parents[1])}}
    if options.against:
        environments["other"] = environment | {"PYTHONPATH": str(options.against)}
    values: dict[str, list[float]] = {}
    for key, value in rounds(options.runs, environments, screens=not options.no_monitor):
        values.setdefault(key, []).append(value)
    print(f"{'milliseconds, medians':28} {'':6} {'this':>8} {'least':>8} {'other':>8} {'least':>8}")
    for key in dict.fromkeys(key.rpartition("|")[0] for key in values):
        cells = [values.get(f"{key}|{name}", []) for name in ("this", "other")]
        shown = " ".join(f"{sorted(cell)[len(cell) // 2]:8.0f} {min(cell):8.0f}" for cell in cells if cell)
        command, _, figure = key.partition("|")
        print(f"{command:28} {figure:6} {shown}")


if __name__ == "__main__":
    main()
