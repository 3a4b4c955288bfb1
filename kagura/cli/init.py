"""`kagura init`: a configuration file in which every setting is explained."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from kagura.cli.common import HomeOption, command_app, settings_from
from kagura.config import settings_rows
from kagura.errors import InputError

app = command_app()

EXAMPLES = {
    "providers": """\
  my-vllm:
    base_url: http://gpu-box:8000
    dialect: openai
    include_usage: true
  azure:
    base_url: https://RESOURCE.openai.azure.com
  groq:
    api_key_env: GROQ_API_KEY   # this key is sent instead of the client's
    headers: {X-Team: search}""",
    "models": "  fast: groq/llama-3.3-70b-versatile",
    "prices": """\
  my-model: {input: 0.5, cache_read: 0.1, output: 1.5}
  openai/gpt-4o: {input: 2.25, output: 9}""",
    "discounts": """\
  openai: 12.5
  anthropic/claude-opus-5-5: 20
  azure: -10   # a surcharge, such as for a data zone""",
    "redact": "  - 'sk-[A-Za-z0-9_-]{20,}'",
    "alerts.rules": """\
  spend: {when: "cost > $5 in 1h", each: agent, send: [terminal, team]}
  failing: {when: "error rate >= 20% in 10m", min_calls: 20, provider: openai}
  loop: {when: "tool repeats >= 5 in 30m"}""",
    "alerts.channels": """\
  team: {apprise: "${ALERT_URL}"}   # Slack, e-mail, …: kagura[alerts]
  pager: {webhook: "https://example.com/hook", secret: "${PAGER_SECRET}"}
  script: {command: [/usr/local/bin/page, --team, agents]}""",
}
"""What an entry of a map or list looks like; it stands for the default, which is none."""

HEAD = """\
# Settings of kagura. Lines that begin with # and no space are the defaults or examples: take the # away to change one.
#
# A variable of the environment wins over this file, a flag wins over both: `port` of `proxy` is KAGURA_PROXY_PORT.
# Maps and lists are given to a variable as YAML text: KAGURA_MODELS='{fast: groq/llama-3.3-70b-versatile}'.
# KAGURA_CONFIG names another file than $KAGURA_HOME/config.yaml. `kagura doctor` checks the file.
"""


def render() -> str:
    """The text of config.example.yaml."""
    lines = [HEAD]
    section = ""
    for name, variable, default, text in settings_rows():
        group, _, leaf = name.rpartition(".")
        if group != section:
            lines.append(f"{group}:")
            section = group
        indent = "  " if group else ""
        lines.append(f"{indent}# {text}  [{variable}]")
        if name in EXAMPLES:
            lines.append(f"{indent}#{leaf}:")
            lines.extend(f"{indent}#{line}" for line in EXAMPLES[name].split("\n"))
        else:
            lines.append(f"{indent}#{leaf}: {_shown(default)}")
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def _shown(value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n").removesuffix("\n...").strip()


@app.command()
def init(
    path: Annotated[Path | None, typer.Argument(help="Where to write it (default: ~/.kagura/config.yaml).")] = None,
    home: HomeOption = None,
    force: Annotated[bool, typer.Option(help="Replace a file that is there.")] = False,
) -> None:
    """Write a configuration file in which every setting is explained.

    Examples:

      kagura init

      kagura init ./kagura.yaml && KAGURA_CONFIG=./kagura.yaml kagura proxy
    """
    target = path or settings_from(home=home).home / "config.yaml"
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(target, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(render())
    except FileExistsError:
        raise InputError(f"{target}: there is a file already", "--force replaces it.") from None
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror}", "Name another place.") from None
    typer.echo(f"wrote {target}")
