"""`kagura completion`: the script by which a shell completes commands, options, agents, runs and models."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from kagura.cli.common import command_app
from kagura.cli.completing import VARIABLE
from kagura.errors import InputError

app = command_app()

_EXAMPLES = """Examples:

kagura completion --install · for the shell that is used

kagura completion zsh --install · for another one

source <(kagura completion bash) · for this bash alone"""


class Shell(StrEnum):
    """A shell with a script."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


_BASH = f"""\
_kagura() {{
    local IFS=$'\\n' word words=() last=-1 head=""
    # Readline splits words at = and :, which belong to ours. (No negative indices: bash 3.2 has none.)
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD}}"; do
        if (( last >= 0 )) && [[ $word == [=:]* || ${{words[last]}} == *[=:] ]]; then
            words[last]+=$word
        else
            last=$(( last + 1 ))
            words[last]=$word
        fi
    done
    [[ ${{words[last]}} == *[=:]* ]] && head="${{words[last]%"${{words[last]##*[=:]}}"}}"
    COMPREPLY=()
    while read -r word; do
        COMPREPLY+=("${{word#"$head"}}")
    done < <({VARIABLE}=bash kagura "${{words[@]}}" 2>/dev/null)
}}
complete -o default -F _kagura kagura
"""

_ZSH = f"""\
#compdef kagura
_kagura() {{
    local -a found
    found=("${{(@f)$({VARIABLE}=zsh kagura "${{(@)words[2,CURRENT]}}" 2>/dev/null)}}")
    found=(${{found:#}})
    if (( $#found )); then
        _describe 'kagura' found
    else
        [[ $PREFIX == --*=* ]] && compset -P '*='
        _files
    fi
}}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _kagura "$@"
else
    compdef _kagura kagura
fi
"""

_FISH = f"""\
function __kagura_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l found ({VARIABLE}=fish kagura $words[2..] "$current" 2>/dev/null)
    if set -q found[1]
        printf '%s\\n' $found
    else
        set -l option (string match -r -- '^--[^=]+=' "$current")
        string replace -r -- '^' "$option" (__fish_complete_path (string replace -- "$option" '' "$current"))
    end
end
complete -c kagura -f -a '(__kagura_complete)'
"""


class Place(NamedTuple):
    """Where a shell looks for scripts."""

    script: str
    variable: str
    """What names the folder that `rest` lies in."""
    default: str
    rest: str
    advice: str


PLACES = {
    Shell.BASH: Place(
        _BASH,
        "XDG_DATA_HOME",
        "~/.local/share",
        "bash-completion/completions/kagura",
        "A new shell loads it; without the package bash-completion, add to ~/.bashrc: source '{path}'",
    ),
    Shell.ZSH: Place(
        _ZSH,
        "XDG_DATA_HOME",
        "~/.local/share",
        "zsh/site-functions/_kagura",
        "A new shell loads it once ~/.zshrc has, before compinit: fpath+=('{folder}')",
    ),
    Shell.FISH: Place(_FISH, "XDG_CONFIG_HOME", "~/.config", "fish/completions/kagura.fish", "A new shell loads it."),
}


@app.command(epilog=_EXAMPLES)
def completion(
    shell: Annotated[
        Shell | None, typer.Argument(metavar="[SHELL]", help="bash, zsh or fish; else the one of $SHELL.")
    ] = None,
    install: Annotated[bool, typer.Option("--install", help="Write the script where the shell looks for it.")] = False,
) -> None:
    """Print the script that completes commands, options, agents, runs, models and tags, or install it."""
    chosen = PLACES[shell or _used()]
    if not install:
        typer.echo(chosen.script, nl=False)
        return
    path = Path(os.environ.get(chosen.variable) or chosen.default).expanduser() / chosen.rest
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(chosen.script, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}", "Check who owns the folder.") from None
    typer.echo(f"Written to {path}.\n{chosen.advice.format(path=path, folder=path.parent)}")


def _used() -> Shell:
    name = Path(os.environ.get("SHELL", "")).name
    try:
        return Shell(name)
    except ValueError:
        known = ", ".join(Shell)
        raise InputError(f"there is no script for the shell {name!r}", f"Name one of {known}.") from None
