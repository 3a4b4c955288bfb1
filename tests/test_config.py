"""Settings: precedence, and errors that name the place and the remedy."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kagura.cli.init import render
from kagura.config import Settings, load, settings_rows
from kagura.errors import ConfigError


def settings(tmp_path: Path, text: str, environ: dict[str, str] | None = None, **flags: Any) -> Settings:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return load(path, environ=environ or {}, flags={name.replace("__", "."): value for name, value in flags.items()})


def test_defaults_without_any_file(tmp_path: Path) -> None:
    found = load(environ={"KAGURA_HOME": str(tmp_path)})
    assert found.proxy.host == "127.0.0.1"
    assert found.proxy.port == 4100
    assert found.proxy.connect_timeout == 10
    assert found.proxy.read_timeout is None
    assert found.db_url == f"sqlite:///{tmp_path}/telemetry.db"
    assert found.journal_dir == tmp_path / "journal"


def test_a_flag_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    text, environ = "proxy: {port: 1}\n", {"KAGURA_PROXY_PORT": "2"}
    assert settings(tmp_path, text).proxy.port == 1
    assert settings(tmp_path, text, environ).proxy.port == 2
    assert settings(tmp_path, text, environ, proxy__port=3).proxy.port == 3
    assert settings(tmp_path, text, environ, proxy__port=None).proxy.port == 2


def test_the_file_in_the_home_folder_is_read_and_another_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("proxy: {port: 7}\n")
    other = tmp_path / "other.yaml"
    other.write_text("proxy: {port: 8}\n")
    environ = {"KAGURA_HOME": str(tmp_path)}
    assert load(environ=environ).proxy.port == 7
    assert load(environ=environ | {"KAGURA_CONFIG": str(other)}).proxy.port == 8


def test_every_setting_has_a_variable_that_works(tmp_path: Path) -> None:
    values = {
        "home": str(tmp_path / "h"),
        "db": "x.db",
        "default_provider": "groq",
        "providers": "{mine: {base_url: 'http://a', dialect: openai}}",
        "models": "{fast: groq/llama}",
        "prices": "{mine: {input: 0.1}}",
        "discounts": "{openai: 12.5}",
        "redact": "[secret]",
        "proxy.host": "0.0.0.0",
        "proxy.port": "5",
        "proxy.connect_timeout": "1.5",
        "proxy.read_timeout": "60",
        "proxy.inspect_limit": "10",
        "proxy.allowed_hosts": "[example.test]",
        "proxy.view_key": "0123456789abcdef",
        "capture.content": "preview",
        "capture.raw_requests": "false",
        "capture.max_body": "100",
        "journal.segment_size": "70000",
        "retention.days": "30",
        "retention.content_days": "7",
        "tools.memory": "[notes]",
        "tools.retrieval": "[lookup]",
        "otlp.endpoint": "http://localhost:4318",
        "otlp.headers": "{Authorization: 'Bearer ${KEY}'}",
        "otlp.content": "true",
        "otlp.compression": "none",
        "otlp.timeout": "3",
        "otlp.resource": "{service.name: agents}",
        "otlp.forward": "true",
        "alerts.every": "30",
        "alerts.rules": "{spend: {when: 'cost > $5 in 1h'}}",
        "alerts.channels": "{script: {command: [notify]}}",
    }
    rows = {name: (variable, default) for name, variable, default, _ in settings_rows()}
    assert rows.keys() == values.keys()
    for name, value in values.items():
        found: Any = load(environ={"KAGURA_HOME": str(tmp_path)} | {rows[name][0]: value})
        for part in name.split("."):
            found = getattr(found, part)
        assert found != rows[name][1], name


def test_prices_keep_the_digits_that_were_written(tmp_path: Path) -> None:
    assert settings(tmp_path, "prices: {m: {input: 0.1}}\n").prices["m"]["input"] == Decimal("0.1")
    assert settings(tmp_path, "discounts: {openai: 12.1}\n").discounts["openai"] == Decimal("12.1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# a\nproxy:\n  prot: 1\n", r"config\.yaml:3: unknown setting `proxy\.prot`\n  Did you mean `port`\?"),
        ("proxi: {}\n", r"config\.yaml:1: unknown setting `proxi`\n  Did you mean `proxy`\?"),
        ("proxy:\n  host: a\n  port: many\n", r"config\.yaml:3: `proxy\.port`: expected `int`"),
        ("proxy: {port: 70000}\n", r"config\.yaml:1: `proxy\.port`: expected `int` <= 65535\n  The default is 4100"),
        ("proxy: 3\n", r"config\.yaml:1: `proxy`: expected `object`"),
        ("providers:\n  a: {base_url: 'http://a'}\n  b: {bas_url: x}\n", r"config\.yaml:3: .*`providers\.b\.bas_url`"),
        ("providers:\n  a:\n    base_url: nowhere\n", r"config\.yaml:3: `providers\.a\.base_url`"),
        ("prices:\n  a: {input: 1}\n  b: {input: much}\n", r"config\.yaml:3: `prices\.b`: invalid decimal"),
        ("discounts:\n  openai: some\n", r"config\.yaml:2: `discounts\.openai`: invalid decimal"),
        ("discounts:\n  a: 5\n  b: 101\n", r"config\.yaml:3: `discounts\.b`: 101 is no percentage"),
        ("capture: {content: some}\n", r"config\.yaml:1: `capture\.content`: invalid enum value 'some'"),
        (
            "alerts:\n  rules:\n    a: {when: 'cost > $1 in 1h'}\n    b: {wen: x}\n",
            r"config\.yaml:4: .*`alerts\.rules\.b\.wen`",
        ),
        (
            "alerts:\n  rules:\n    a: {when: costs > 1}\n",
            r"config\.yaml:3: `alerts\.rules\.a`: 'costs > 1' is no condition\n",
        ),
        (
            "alerts:\n  channels:\n    a: {webhook: 'file:///x'}\n",
            r"config\.yaml:3: `alerts\.channels\.a`: `webhook` must",
        ),
        ("alerts: {rules: {a: {when: cost > $1 in 1h, send: [x]}}}\n", r"config\.yaml:1: .*the channel 'x'"),
        ("redact: ['(']\n", r"config\.yaml:1: `redact`: '\(' is not a regular expression"),
        ("proxy: {port: 1}\nproxy: {port: 2}\n", r"config\.yaml:2: `proxy` is given twice"),
        ("- a\n", r"config\.yaml:1: the file must hold"),
        ("a: [\n", r"config\.yaml: not valid YAML"),
        ("a: !!python/object/apply:os.system [ls]\n", r"config\.yaml: not valid YAML"),
    ],
)
def test_a_wrong_file_is_refused_with_place_and_remedy(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, text)
    assert re.search(said, str(caught.value)), str(caught.value)
    assert caught.value.remedy
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("KAGURA_PROXY_PORT", "many", r"KAGURA_PROXY_PORT: `proxy\.port`: expected `int`"),
        ("KAGURA_PROVIDERS", "{a: [", r"KAGURA_PROVIDERS: cannot be read"),
    ],
)
def test_a_wrong_variable_is_refused_by_name(tmp_path: Path, variable: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        settings(tmp_path, "", {variable: value})


def test_a_file_that_is_missing_or_unreadable_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "none.yaml", environ={})
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path, environ={})
    (tmp_path / "latin").write_bytes(b"home: caf\xe9\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "latin", environ={})


def test_the_example_file_shows_every_setting_with_its_help_and_changes_nothing(tmp_path: Path) -> None:
    text = render()
    for name, variable, _, help_text in settings_rows():
        assert help_text, name
        assert f"{help_text}  [{variable}]" in text
    assert settings(tmp_path, text, {"KAGURA_HOME": str(tmp_path)}) == load(environ={"KAGURA_HOME": str(tmp_path)})


def test_the_example_file_stays_valid_with_every_line_taken_in(tmp_path: Path) -> None:
    taken_in = re.sub(r"^( *)#(?! [A-Z`])", r"\1", render(), flags=re.MULTILINE)
    found = settings(tmp_path, taken_in)
    assert found.providers["my-vllm"].base_url == "http://gpu-box:8000"
    assert found.proxy.port == 4100
    assert found.redact


def test_importing_the_settings_touches_no_file(tmp_path: Path) -> None:
    load(environ={"KAGURA_HOME": str(tmp_path / "new")})
    assert not (tmp_path / "new").exists()
    assert list(tmp_path.iterdir()) == []
