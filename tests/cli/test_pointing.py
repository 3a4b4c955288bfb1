"""The environment of a run: every client at the proxy, and what the user has set still in effect."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from kagura.cli.clients import VARIABLES, Variable
from kagura.cli.pointing import Gateways, gateways, run_environment
from kagura.providers import load

ROOT = "http://127.0.0.1:4100"
AT = f"{ROOT}/agent/a/run/r"
TABLE = load({})


def found(environ: Mapping[str, str], own: str = ROOT) -> Gateways:
    return gateways(environ, TABLE, [own])


def pointed(environ: Mapping[str, str], *, agent: str = "a", root: str = ROOT) -> dict[str, str]:
    elsewhere = found(environ)
    table = elsewhere.over(TABLE)
    return run_environment(environ, root, agent=agent, execution_id="r", table=table, own=[ROOT], left=elsewhere.left)


def test_every_client_is_pointed_at_its_provider() -> None:
    env = pointed({})
    assert (env["OPENAI_BASE_URL"], env["ANTHROPIC_BASE_URL"], env["GROQ_API_BASE"]) == (
        f"{AT}/v1",
        AT,
        f"{AT}/groq/openai/v1",
    )
    assert {row.name for row in VARIABLES if row.path is not None} <= env.keys()
    assert "AZURE_OPENAI_ENDPOINT" not in env


@pytest.mark.parametrize("row", [row for row in VARIABLES if row.path is not None], ids=lambda row: row.name)
def test_a_path_names_the_provider_that_it_leads_to(row: Variable) -> None:
    assert row.provider in TABLE
    assert row.path in ("", "/v1") or f"{row.path}/".startswith(f"/{row.provider}/")


@pytest.mark.parametrize(
    ("variable", "value", "path"),
    [
        ("OPENAI_BASE_URL", "https://api.openai.com/v1", "/openai/v1"),
        ("OPENAI_BASE_URL", "https://api.groq.com/openai/v1/", "/groq/v1"),
        ("OPENAI_BASE_URL", "https://openrouter.ai/api/v1", "/openrouter/v1"),
        ("OPENAI_BASE_URL", "http://localhost:11434/v1", "/ollama/v1"),
        ("ANTHROPIC_BASE_URL", "https://api.anthropic.com", "/anthropic"),
        ("OLLAMA_HOST", "127.0.0.1:11434", "/ollama"),
        ("OPENAI_BASE_URL", f"{ROOT}/v1", "/v1"),
        ("OPENAI_BASE_URL", "http://localhost:4100/agent/x/run/y/groq/v1", "/groq/v1"),
        ("ANTHROPIC_BASE_URL", ROOT, ""),
    ],
)
def test_a_known_address_stays_in_effect_behind_the_proxy(variable: str, value: str, path: str) -> None:
    assert found({variable: value}) == ([], [])
    assert pointed({variable: value})[variable] == AT + path


@pytest.mark.parametrize(
    ("variable", "value", "provider", "origin", "path"),
    [
        ("OPENAI_BASE_URL", "https://llm.example/v1", "openai", "https://llm.example", "/openai/v1"),
        ("OPENAI_BASE_URL", "https://llm.example/team/x/", "openai", "https://llm.example", "/openai/team/x"),
        ("ANTHROPIC_BASE_URL", "https://llm.example:8443", "anthropic", "https://llm.example:8443", "/anthropic"),
        ("OLLAMA_HOST", "gpu-box:11434", "ollama", "http://gpu-box:11434", "/ollama"),
        ("AZURE_OPENAI_ENDPOINT", "https://me.openai.azure.com/", "azure", "https://me.openai.azure.com", "/azure"),
    ],
)
def test_a_gateway_becomes_the_address_of_its_provider_for_the_run(
    variable: str, value: str, provider: str, origin: str, path: str
) -> None:
    elsewhere = found({variable: value})
    assert (elsewhere.base_urls, elsewhere.left) == ({provider: origin}, [])
    assert elsewhere.over(TABLE)[provider].base_url == origin
    assert pointed({variable: value})[variable] == AT + path


def test_other_variables_of_the_provider_follow_the_gateway() -> None:
    env = pointed({"OPENAI_BASE_URL": "https://llm.example/v1"})
    assert env["OPENAI_API_BASE"] == f"{AT}/openai/v1"
    assert env["ANTHROPIC_BASE_URL"] == AT


def test_what_cannot_go_through_the_proxy_stays_and_is_named() -> None:
    environ = {
        "OPENAI_BASE_URL": "https://one.example/v1",
        "OPENAI_API_BASE": "https://two.example/v1",
        "ANTHROPIC_BASE_URL": "https://user:word@three.example",
    }
    env = pointed(environ)
    assert [given.variable.name for given in found(environ).left] == ["OPENAI_API_BASE", "ANTHROPIC_BASE_URL"]
    assert env["OPENAI_BASE_URL"] == f"{AT}/openai/v1"
    assert (env["OPENAI_API_BASE"], env["ANTHROPIC_BASE_URL"]) == (
        environ["OPENAI_API_BASE"],
        environ["ANTHROPIC_BASE_URL"],
    )


@pytest.mark.parametrize("value", ["", "  ", "::", "http://", "http://[", "http://x:port/v1", "ftp://x"])
def test_what_is_no_address_is_replaced(value: str) -> None:
    assert found({"OPENAI_BASE_URL": value}) == ([], [])
    assert pointed({"OPENAI_BASE_URL": value})["OPENAI_BASE_URL"] == f"{AT}/v1"


def test_codex_may_have_its_address_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('openai_base_url = "https://llm.example/v1"\n')
    environ = {"CODEX_HOME": str(tmp_path)}
    assert found(environ).base_urls == {"openai": "https://llm.example"}
    assert pointed(environ)["OPENAI_BASE_URL"] == f"{AT}/openai/v1"
    (tmp_path / "config.toml").write_text("openai_base_url = ")
    assert found(environ) == ([], [])


def test_headers_of_the_user_are_kept_and_those_of_a_run_around_this_one_replaced() -> None:
    env = pointed(
        {"OPENAI_CUSTOM_HEADERS": "X-Mine: 1\nX-Kagura-Execution-Id: outer", "GEMINI_CLI_CUSTOM_HEADERS": "A: b"}
    )
    ours = ["X-Kagura-Execution-Id: r", "X-Kagura-Agent: a"]
    assert env["OPENAI_CUSTOM_HEADERS"].split("\n") == ["X-Mine: 1", *ours]
    assert env["GEMINI_CLI_CUSTOM_HEADERS"].split(",") == ["A: b", *ours]


def test_a_name_that_no_header_holds_stands_in_the_address_alone() -> None:
    env = pointed({}, agent="神楽, a")
    assert env["OPENAI_BASE_URL"] == f"{ROOT}/agent/%E7%A5%9E%E6%A5%BD%2C%20a/run/r/v1"
    assert env["OPENAI_CUSTOM_HEADERS"] == "X-Kagura-Execution-Id: r"
    assert pointed({}, agent="a,b")["GEMINI_CLI_CUSTOM_HEADERS"] == "X-Kagura-Execution-Id: r"


def test_an_http_proxy_is_not_asked_for_this_machine() -> None:
    assert "NO_PROXY" not in pointed({})
    env = pointed({"HTTPS_PROXY": "http://corp:3128", "no_proxy": "intra.example, localhost"})
    assert env["NO_PROXY"] == env["no_proxy"] == "intra.example,localhost,127.0.0.1"
    assert (
        "kagura.example" in pointed({"http_proxy": "http://corp:3128"}, root="http://kagura.example:4100")["NO_PROXY"]
    )


def test_a_client_that_was_told_to_say_less_is_left_alone() -> None:
    assert pointed({})["CLAUDE_CODE_GATEWAY_HINT_HEADERS"] == "1"
    assert pointed({"CLAUDE_CODE_GATEWAY_HINT_HEADERS": "0"})["CLAUDE_CODE_GATEWAY_HINT_HEADERS"] == "0"


def test_every_variable_is_described() -> None:
    page = (Path(__file__).parents[2] / "docs/clients.md").read_text(encoding="utf-8")
    assert [row.name for row in VARIABLES if f"`{row.name}" not in page] == []
