"""Where clients are pointed."""

import pytest

from kagura.cli.addresses import base_urls, pointed, tagged

ROOT = "http://127.0.0.1:4100"


def test_a_tagged_address_keeps_odd_names_in_one_path_segment() -> None:
    assert tagged(ROOT, agent="a/b c", execution_id="r?1") == f"{ROOT}/agent/a%2Fb%20c/run/r%3F1"


def test_openai_clients_want_the_version_and_anthropics_do_not() -> None:
    urls = base_urls(ROOT)
    assert (urls["OPENAI_BASE_URL"], urls["ANTHROPIC_BASE_URL"]) == (f"{ROOT}/v1", ROOT)


@pytest.mark.parametrize(
    ("command", "run"),
    [
        (["codex", "exec", "hello"], ["codex", "-c", f"openai_base_url={ROOT}/v1", "exec", "hello"]),
        (["/opt/bin/codex"], ["/opt/bin/codex", "-c", f"openai_base_url={ROOT}/v1"]),
        (["codex", "-c", "openai_base_url=http://mine/v1"], ["codex", "-c", "openai_base_url=http://mine/v1"]),
        (["python", "agent.py"], ["python", "agent.py"]),
    ],
)
def test_a_program_that_reads_no_variable_gets_a_flag_unless_it_has_one(command: list[str], run: list[str]) -> None:
    assert pointed(command, ROOT) == run
