"""Where clients are pointed."""

from kagura.cli.addresses import base_urls, tagged, untagged

ROOT = "http://127.0.0.1:4100"


def test_a_tagged_address_keeps_odd_names_in_one_path_segment() -> None:
    assert tagged(ROOT, agent="a/b c", execution_id="r?1") == f"{ROOT}/agent/a%2Fb%20c/run/r%3F1"


def test_openai_clients_want_the_version_and_anthropics_do_not() -> None:
    urls = base_urls(ROOT)
    assert (urls["OPENAI_BASE_URL"], urls["ANTHROPIC_BASE_URL"]) == (f"{ROOT}/v1", ROOT)


def test_a_path_is_told_without_the_run_that_it_was_tagged_with() -> None:
    assert untagged("/agent/a%2Fb/run/r/v1") == "/v1"
    assert untagged("/run/r") == ""
    assert untagged("/openai/v1/agents/run/x") == "/openai/v1/agents/run/x"
