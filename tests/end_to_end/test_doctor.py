"""`kagura doctor`: what it finds, and that its exit code says so."""

import json
import socket
from pathlib import Path

from tests.clients import openai_dialogue as say
from tests.clients.installed import Proxy, environment, in_process, kagura, running_proxy
from tests.clients.upstream import Upstream
from tests.end_to_end.load import ask


def findings(env: dict[str, str]) -> tuple[int, dict[str, tuple[str, str, str]]]:
    """The exit code, and what was found by subject: level, text, remedy."""
    code, said = in_process("doctor", "--json", env=env)
    return code, {f["subject"]: (f["level"], f["text"], f["remedy"]) for f in json.loads(said)}


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def test_all_is_well(upstream: Upstream, proxy: Proxy) -> None:
    upstream.plays(say.chat({"content": "Hello"}))
    ask(proxy.root)
    proxy.calls(1)
    env = proxy.env | {"KAGURA_PROXY_PORT": str(proxy.port), "OPENAI_BASE_URL": f"{proxy.root}/v1"}
    code, found = findings(env)
    assert code == 0
    assert found["proxy"] == ("ok", f"listens on {proxy.root}", "")
    assert found["OPENAI_BASE_URL"][0] == "ok"
    assert found["journal"][1].startswith("a collector runs")
    assert {level for level, _, _ in found.values()} == {"ok"}


def test_a_first_day(tmp_path: Path) -> None:
    code, found = findings(environment(tmp_path / "new", KAGURA_PROXY_PORT=free_port()))
    assert code == 0
    assert found["proxy"][1].startswith("nothing listens")
    assert found["store"][:2] == ("note", f"{tmp_path}/new/telemetry.db does not exist yet")
    assert "export OPENAI_BASE_URL=" in found["environment"][2]
    assert not (tmp_path / "new").exists()


def test_another_program_has_the_port(upstream: Upstream, tmp_path: Path) -> None:
    code, found = findings(environment(tmp_path, KAGURA_PROXY_PORT=upstream.url.rpartition(":")[2]))
    assert code == 1
    assert found["proxy"][:2] == ("problem", f"another program answers on {upstream.url}")


def test_variables_that_point_the_wrong_way(proxy: Proxy) -> None:
    more = {
        "KAGURA_PROXY_PORT": str(proxy.port),
        "OPENAI_BASE_URL": proxy.root,
        "ANTHROPIC_BASE_URL": f"{proxy.root}/v1",
        "GOOGLE_GEMINI_BASE_URL": "https://elsewhere.example",
        "KAGURA_PROXI_PORT": "1",
    }
    code, found = findings(proxy.env | more)
    assert code == 1
    assert found["OPENAI_BASE_URL"] == (
        "problem",
        f"{proxy.root} lacks /v1 at its end",
        f"export OPENAI_BASE_URL={proxy.root}/v1",
    )
    assert found["ANTHROPIC_BASE_URL"][0] == "note"
    assert "goes past the proxy" in found["GOOGLE_GEMINI_BASE_URL"][1]
    assert found["KAGURA_PROXI_PORT"][:2] == ("note", "is no setting of kagura")


def test_as_a_command(tmp_path: Path) -> None:
    done = kagura("doctor", env=environment(tmp_path, KAGURA_PROXY_PORT=free_port()))
    assert (done.returncode, done.stderr) == (0, "")
    assert "✓ configuration: home is " in done.stdout
    assert "! proxy: nothing listens on " in done.stdout
    assert "    `kagura proxy` starts it." in done.stdout


def test_a_configuration_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("proxy:\n  prot: 1\n")
    code, found = findings(environment(tmp_path))
    assert code == 1
    level, text, remedy = found["configuration"]
    assert (level, remedy) == ("problem", "Did you mean `port`?")
    assert text == f"{tmp_path}/config.yaml:2: unknown setting `proxy.prot`"


def test_a_store_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "telemetry.db").write_text("this is no database, whatever its name says" * 100)
    code, found = findings(environment(tmp_path, KAGURA_PROXY_PORT=free_port()))
    assert (code, found["store"][0]) == (1, "problem")


def test_a_home_that_others_can_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    _, found = findings(environment(tmp_path, KAGURA_PROXY_PORT=free_port()))
    assert found["home"] == (
        "note",
        f"{tmp_path} can be read by others (mode 755)",
        f"chmod 700 {tmp_path}",
    )


def test_a_proxy_that_cannot_write_its_journal(upstream: Upstream, tmp_path: Path) -> None:
    upstream.plays(say.chat({"content": "Hello"}))
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "journal").write_text("where a folder should be")
    with running_proxy(home, upstream.url) as proxy:
        assert b"Hello" in ask(proxy.root)
        code, found = findings(proxy.env | {"KAGURA_PROXY_PORT": str(proxy.port)})
    assert (code, found["proxy"][0]) == (1, "problem")
    assert "records could not be written to the journal: " in found["proxy"][1]
