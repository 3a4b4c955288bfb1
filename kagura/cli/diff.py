"""`kagura diff`: two runs side by side."""

from typing import TYPE_CHECKING, Annotated

import typer

from kagura.cli.attaching import AttachKeyEnvOption, AttachOption, source_from
from kagura.cli.common import ConfigOption, DbOption, HomeOption, JsonOption, command_app, settings_from
from kagura.errors import InputError

if TYPE_CHECKING:
    from kagura.dashboard.comparison import Comparison
    from kagura.dashboard.period import Clock
    from kagura.dashboard.source import Source

app = command_app()

_EXAMPLES = """Examples:

kagura diff 3f2a 91bc · two runs, by the beginnings of their ids

kagura diff 3f2a 91bc --prompts · and what differs in their prompts, line by line

kagura diff 3f2a 91bc --json · for other programs

kagura diff 3f2a 91bc --attach http://kagura.example:4100 · two runs that a proxy elsewhere recorded"""


@app.command(epilog=_EXAMPLES)
def diff(
    run_a: Annotated[str, typer.Argument(metavar="RUN_A", help="A run, by the beginning of its id.")],
    run_b: Annotated[str, typer.Argument(metavar="RUN_B", help="Another one.")],
    prompts: Annotated[bool, typer.Option("--prompts", help="What differs in the prompts, line by line.")] = False,
    as_json: JsonOption = False,
    attach: AttachOption = None,
    attach_key_env: AttachKeyEnvOption = None,
    config: ConfigOption = None,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Show two runs side by side: turns, prompts, tools, tokens, cost and time."""
    from kagura.dashboard.period import Clock

    clock = Clock()
    with source_from(settings_from(config, home, db), clock, attach, attach_key_env, db) as source:
        source.catch_up()
        show_comparison(source, clock, source.run_id(run_a), source.run_id(run_b), prompts=prompts, as_json=as_json)


def show_comparison(
    source: "Source", clock: "Clock", run_a: str, run_b: str, *, prompts: bool = False, as_json: bool = False
) -> None:
    """Print two runs, named by their whole ids, side by side."""
    from kagura.dashboard.comparison import Comparison, Side
    from kagura.dashboard.output import print_json, print_lines
    from kagura.dashboard.side_by_side import comparison_document, comparison_view

    sides = []
    for run_id in (run_a, run_b):
        trace = source.run(run_id)
        if trace is None:
            raise InputError(
                f"the run {run_id} is no longer in the store", "`kagura monitor` lists the runs there are."
            )
        sides.append(Side.of(trace, source.prompts(trace)))
    found = Comparison(*sides)
    if as_json:
        return print_json(comparison_document(found))
    print_lines([comparison_view(found, clock)])
    return _show_prompts(source, found) if prompts else None


def _show_prompts(source: "Source", found: "Comparison") -> None:
    from kagura.dashboard.comparison import differing_lines, prompt_lines, same_prompt
    from kagura.dashboard.output import print_lines
    from kagura.dashboard.side_by_side import diff_lines

    for number, (a, b) in enumerate(found.turns(), 1):
        if a is None or b is None or same_prompt(a, b):
            continue
        kept = [source.contents(turn.span_id) for turn in (a, b)]
        if not all(kept):
            print_lines([f"\nPrompt #{number}: not kept (capture.content)."])
            continue
        lines = [prompt_lines(content.inputs) for content in kept if content]
        print_lines([f"\nPrompt #{number}:", *diff_lines(differing_lines(*lines))])
