"""The table of hint rules, as docs/hints.md."""

from kagura.dashboard.hints import RULES

HEAD = """# Hints

Made from the rules by `make format`; `make check` compares.

`kagura monitor --agent NAME` and `--trace` end with what stands out in the run, each with its numbers. A rule speaks
only where the evidence is plain: no hint does not mean that nothing could be better. Rules on prompts need their
content (`capture.content: full`); they compare hashes and read no word.

| rule | speaks where | says |
| --- | --- | --- |
"""


def hints_reference() -> str:
    """Every rule with when it speaks and what it advises, as Markdown."""
    return HEAD + "".join(f"| `{rule.name}` | {rule.when} | {rule.advice} |\n" for rule in RULES)
