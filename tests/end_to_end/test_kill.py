"""`kill -9` of relay and collector under load: no call that a client saw is lost, none is there twice."""

import asyncio
import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.clients.installed import Proxy, exported, kagura
from tests.clients.upstream import Upstream
from tests.end_to_end.load import Load, collectors, input_tokens, numbered

KILLS = int(os.environ.get("KAGURA_TEST_KILLS", "6"))
"""More for a longer test: KAGURA_TEST_KILLS=20."""
RUN_SECONDS = (0.15, 0.6)
"""How long all goes well before the next kill."""


async def torment(proxy: Proxy, kills: int, chance: random.Random) -> Proxy:
    """Kill relay and collector by turns at random moments and start again what does not start itself."""
    for kill in range(kills):
        await asyncio.sleep(chance.uniform(*RUN_SECONDS))
        if kill % 2:
            for pid in collectors(proxy):
                os.kill(pid, signal.SIGKILL)
        else:
            proxy.kill()
            proxy = await asyncio.to_thread(Proxy, proxy.home, proxy.upstream, proxy.port)
    await asyncio.sleep(RUN_SECONDS[1])
    return proxy


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finding the collector's process needs /proc")
@pytest.mark.timeout(60 + 10 * KILLS)
async def test_every_call_is_in_the_store_once(upstream: Upstream, tmp_path: Path) -> None:
    upstream.plays()
    upstream.script = numbered
    seed = time.time_ns()
    print(f"seed {seed}")
    proxy = Proxy(tmp_path / "home", upstream.url)
    load, stop = Load(proxy.port), asyncio.Event()
    clients = asyncio.create_task(load.run(stop))
    try:
        proxy = await torment(proxy, KILLS, random.Random(seed))
    finally:
        stop.set()
        await clients
        assert proxy.stop() == 0

    calls = exported(proxy.home)
    by_id = {call["id"]: call for call in calls}
    print(f"{KILLS} kills, {len(calls)} calls, {len(load.whole)} whole, {len(load.begun)} broken off")
    assert len(by_id) == len(calls)
    numbers = [int(call["tags"]["number"]) for call in calls]
    assert len(set(numbers)) == len(numbers)
    assert {request.json["seed"] for request in upstream.requests} <= set(numbers)

    assert len(load.whole) > 20 * KILLS
    for id_, number in load.whole.items():
        call = by_id[id_]
        assert (call["status"], call["outcome"], call["tags"]["number"]) == ("completed", "completed", str(number))
        assert (call["input_tokens"], call["output_tokens"]) == (input_tokens(number), 7)
    for id_ in load.begun:
        assert by_id[id_]["status"] in {"interrupted", "completed"}
    assert not [call for call in calls if call["status"] not in {"completed", "interrupted"}]

    shown = json.loads(kagura("monitor", "--json", env=proxy.env).stdout)["total"]
    assert shown["llm_calls"] == len(calls)
    assert shown["tokens"]["input"] == sum(call["input_tokens"] or 0 for call in calls)
    assert list((proxy.home / "journal").glob("*.unread")) == []
