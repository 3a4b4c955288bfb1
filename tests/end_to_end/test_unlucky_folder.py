"""kagura in a folder with a file that is named like a module which it needs."""

import re
import subprocess
import sys
from pathlib import Path

from tests.clients.installed import environment, exported
from tests.clients.upstream import Upstream
from tests.end_to_end.runs import ANSWER, CALL

KAGURA = Path(sys.executable).with_name("kagura")
PACKAGE = Path(__file__).parents[2] / "kagura"


def test_a_module_of_the_users_folder_is_not_taken_for_one_of_ours(upstream: Upstream, tmp_path: Path) -> None:
    upstream.plays(ANSWER)
    (tmp_path / "random.py").write_text("raise RuntimeError('not mine')\n")
    env = environment(tmp_path / "home", upstream.url, KAGURA_PROXY_PORT="1")
    command = [str(KAGURA), "run", "--id", "unlucky", "--", sys.executable, "-P", "-c", CALL, "Good morning?"]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "from OpenAI\n"), done.stderr
    assert "not mine" not in done.stderr
    assert [call["execution_id"] for call in exported(tmp_path / "home")] == ["unlucky"]


def test_no_process_is_started_with_the_current_folder_among_its_modules() -> None:
    started = [
        (path.name, found)
        for path in PACKAGE.rglob("*.py")
        for found in re.findall(r'sys\.executable,\s*"(-\w+)"', path.read_text(encoding="utf-8"))
    ]
    assert len(started) >= 8
    assert {flag for _, flag in started} == {"-P"}, started
