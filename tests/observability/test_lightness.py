"""Importing the SDK is quick, has no effects, and brings nothing heavy along."""

from pathlib import Path

from tests.observability.programs import run

HEAVY = ("sqlalchemy", "typer", "rich", "fastapi", "litellm", "httpx", "yaml", "msgspec", "asyncio", "kagura.store")


def test_importing_loads_nothing_heavy_and_has_no_effects(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ended = run(
        home,
        f"""
        import sys, threading
        before = set(sys.modules)
        from kagura.observability import telemetry, tracker
        print([name for name in {HEAVY} if name in sys.modules], threading.active_count(), len(sys.meta_path))
        from kagura.observability import telemetry_db
        """,
    )
    loaded, threads, _ = ended.stdout.rsplit(maxsplit=2)
    assert (loaded, threads) == ("[]", "1"), ended.stderr
    assert not home.exists()


def test_recording_brings_no_web_framework_and_no_terminal_library(tmp_path: Path) -> None:
    ended = run(
        tmp_path / "home",
        f"""
        import sys
        from kagura.observability import telemetry, tracker
        with telemetry.execution("agent"), tracker.span("step"):
            pass
        print([name for name in {HEAVY} if name in sys.modules])
        """,
    )
    assert ended.stdout.strip() == "['yaml', 'msgspec']", ended.stderr


def test_importing_takes_little_time(tmp_path: Path) -> None:
    """The bar is 60 ms of the clock; processor time of the best of five is what a busy machine does not stretch."""
    source = """
        import time
        began = time.process_time()
        import kagura.observability
        from kagura.observability import telemetry, tracker
        print(time.process_time() - began)
        """
    assert min(float(run(tmp_path, source).stdout) for _ in range(5)) < 0.06
