"""Writes the files that are made from code: config.example.yaml and docs/cli.md. `--check` only compares.

python -m docs.generate [--check]
"""

import os
import sys
from pathlib import Path
from typing import Any

os.environ |= {"COLUMNS": "100", "NO_COLOR": "1", "TERMINAL_WIDTH": "100", "_TYPER_FORCE_DISABLE_TERMINAL": "1"}

from typer.main import get_command

from kagura.cli import COMMANDS, app
from kagura.cli.init import render

ROOT = Path(__file__).resolve().parents[1]


def cli_reference() -> str:
    """Every command with its options, as Markdown."""
    root: Any = get_command(app)
    parts = ["# Commands\n\nMade from `--help` by `make format`; `make check` compares.\n"]
    context = root.make_context("kagura", [], resilient_parsing=True)
    for name in COMMANDS:
        _, command, _ = root.resolve_command(context, [name])
        parts.extend(_command(command, f"kagura {name}"))
    return "\n".join(parts)


def _command(command: Any, path: str) -> list[str]:
    text = "\n".join(line.rstrip() for line in (command.help or "").strip().splitlines())
    lines = [f"## `{path}`\n", _examples_as_code(text), ""]
    rows = [row for row in (_parameter(item) for item in command.params) if row]
    if rows:
        lines += ["| option | meaning |", "| --- | --- |", *rows, ""]
    for name, inner in getattr(command, "commands", {}).items():
        lines += _command(inner, f"{path} {name}")
    return lines


def _examples_as_code(text: str) -> str:
    head, mark, examples = text.partition("Examples:")
    if not mark:
        head, mark, examples = text.partition("Example:")
    if not mark:
        return text
    commands = [line.strip() for line in examples.splitlines() if line.strip()]
    return "\n".join([head.rstrip(), "", "```sh", *commands, "```"])


def _parameter(item: Any) -> str:
    if getattr(item, "hidden", False) or item.name in ("help", "install_completion", "show_completion"):
        return ""
    names = ", ".join(f"`{name}`" for name in [*item.opts, *item.secondary_opts])
    text = (getattr(item, "help", "") or "").replace("|", "\\|")
    return f"| {names} | {text} |"


FILES = {"config.example.yaml": render, "docs/cli.md": cli_reference}


def main() -> None:
    """Write the files, or compare them and exit with 1 where one is out of date."""
    stale = []
    for name, make in FILES.items():
        path, text = ROOT / name, make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv:
        sys.exit(f"out of date, run `make format`: {', '.join(stale)}")


if __name__ == "__main__":
    main()
