"""`kagura proxy` as a process: what it prints, how it ends, what it refuses."""

import json
import socket
import stat
import subprocess
import time
import urllib.request
from pathlib import Path

from tests.clients import openai_dialogue as say
from tests.clients.installed import Proxy, environment, exported, kagura
from tests.clients.upstream import Upstream
from tests.end_to_end.load import ask, collectors


def test_a_taken_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = kagura("proxy", "--port", port, env=environment(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"kagura: http://127.0.0.1:{port}: cannot listen: Address already in use" in done.stderr
    assert "choose another --port" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_provider_that_is_the_proxy_itself(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = kagura("proxy", "--port", str(port), env=environment(tmp_path, f"http://localhost:{port}"))
    assert done.returncode == 1
    assert "is this proxy itself" in done.stderr


def test_a_setting_that_is_wrong(tmp_path: Path) -> None:
    done = kagura("proxy", env=environment(tmp_path, KAGURA_PROXY_PORT="many"))
    assert done.returncode == 2
    assert "KAGURA_PROXY_PORT" in done.stderr


def test_it_ends_with_everything_stored_and_private(upstream: Upstream, tmp_path: Path) -> None:
    upstream.plays(*[say.chat({"content": "Hello"})] * 5)
    home = tmp_path / "home"
    proxy = Proxy(home, upstream.url)
    (collector,) = collectors(proxy)
    for _ in range(5):
        ask(proxy.root)
    assert proxy.stop() == 0
    assert not Path(f"/proc/{collector}").exists()
    assert [call["status"] for call in exported(home)] == ["completed"] * 5
    assert list((home / "journal").glob("*.kj")) == []
    assert stat.S_IMODE((home / "telemetry.db").stat().st_mode) == 0o600


def test_a_stream_ends_before_the_proxy_does(upstream: Upstream, tmp_path: Path) -> None:
    upstream.plays(say.chat_stream(*say.words("one two three four five six"), pause=0.1))
    proxy = Proxy(tmp_path / "home", upstream.url)
    body = json.dumps({"model": say.ASKED, "messages": [], "stream": True}).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"{proxy.root}/v1/chat/completions", body, headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        begun = answer.readline()
        proxy.process.terminate()
        rest = answer.read()
    assert begun.startswith(b"data: ")
    assert rest.endswith(b"data: [DONE]\n\n")
    assert proxy.stop() == 0
    (call,) = exported(proxy.home)
    assert (call["status"], call["input_tokens"]) == ("completed", 1200)


def test_a_finished_call_can_be_read_within_a_second(upstream: Upstream, proxy: Proxy) -> None:
    """The quickest of five: a busy machine may keep this process waiting."""
    upstream.plays(*[say.chat({"content": "Hello"})] * 6)
    ask(proxy.root)
    proxy.calls(1)
    waits: list[float] = []
    while len(waits) < 5 and min(waits, default=1) >= 1:
        ask(proxy.root)
        ended = time.monotonic()
        proxy.calls(1)
        waits.append(time.monotonic() - ended)
    assert min(waits) < 1


def test_the_export_command_writes_what_the_design_promises(upstream: Upstream, proxy: Proxy) -> None:
    upstream.plays(say.chat({"content": "Hello"}))
    ask(f"{proxy.root}/run/exported")
    proxy.calls(1)
    done = kagura("export", "--format", "jsonl", "--execution", "exported", env=proxy.env)
    (line,) = done.stdout.splitlines()
    fields = (
        "id execution_id parent_id kind name agent status error inferred started_at ended_at duration_ms ttft_ms "
        "provider endpoint request_model response_model stream http_status input_tokens cache_read_tokens "
        "cache_write_tokens output_tokens reasoning_tokens usage_source finish_reason tool_calls cost_usd "
        "cost_source price_version attempt tags attributes"
    )
    assert set(fields.split()) <= json.loads(line).keys()


def test_a_reading_command_drains_the_journal_where_no_collector_runs(upstream: Upstream, tmp_path: Path) -> None:
    upstream.plays(say.chat({"content": "Hello"}))
    proxy = Proxy(tmp_path / "home", upstream.url)
    for pid in collectors(proxy):
        subprocess.run(["kill", "-STOP", str(pid)], check=True)
    ask(proxy.root)
    children = collectors(proxy)
    proxy.kill()
    for pid in children:
        subprocess.run(["kill", "-KILL", str(pid)], check=True)
    done = kagura("export", env=proxy.env)
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["status"] == "completed"
