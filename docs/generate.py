"""Writes the files that are made from code: config.example.yaml and parts of docs. `--check` only compares.

python -m docs.generate [--check]
"""

import os
import sys
from pathlib import Path
from typing import Any

os.environ |= {"COLUMNS": "100", "NO_COLOR": "1", "TERMINAL_WIDTH": "100", "_TYPER_FORCE_DISABLE_TERMINAL": "1"}

from docs.hint_rules import hints_reference
from docs.screens import screens_page
from kagura.cli import COMMANDS, command
from kagura.cli.help_text import examples_of, split_examples
from kagura.cli.init import render

ROOT = Path(__file__).resolve().parents[1]


def cli_reference() -> str:
    """Every command with its options, as Markdown."""
    parts = ["# Commands\n\nMade from `--help` by `make format`; `make check` compares.\n"]
    for name in COMMANDS:
        parts.extend(_command(command(name), f"kagura {name}"))
    return "\n".join(parts)


def _command(shown: Any, path: str) -> list[str]:
    prose = [split_examples(text)[0] for text in (shown.help or "", shown.epilog or "")]
    text = "\n".join(line.rstrip() for part in prose if part for line in [*part.splitlines(), ""])
    lines = [f"## `{path}`\n", text]
    examples = examples_of(shown)
    if examples:
        lines += ["```sh", *(f"{line}  # {meaning}" if meaning else line for line, meaning in examples), "```", ""]
    rows = [row for row in (_parameter(item) for item in shown.params) if row]
    if rows:
        lines += ["| option | meaning |", "| --- | --- |", *rows, ""]
    for name, inner in getattr(shown, "commands", {}).items():
        lines += _command(inner, f"{path} {name}")
    return lines


def _parameter(item: Any) -> str:
    if getattr(item, "hidden", False) or item.name in ("help", "install_completion", "show_completion"):
        return ""
    names = ", ".join(f"`{name}`" for name in [*item.opts, *item.secondary_opts])
    text = (getattr(item, "help", "") or "").replace("|", "\\|")
    return f"| {names} | {text} |"


FILES = {
    "config.example.yaml": render,
    "docs/cli.md": cli_reference,
    "docs/hints.md": hints_reference,
    "docs/screens.md": screens_page,
}


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
