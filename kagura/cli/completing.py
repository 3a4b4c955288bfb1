"""What can stand at the cursor: answers the shell at each Tab, by the standard library alone wherever it can.

The shell sets `_KAGURA_COMPLETE` to its name and gives the words up to the cursor; each candidate is a line, in zsh
and fish with a description behind a tab. Names come from agents and clients, and shells evaluate: a name that holds
anything but letters, digits and a few marks is never offered.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise

from kagura.cli.quick_store import reading, sqlite_path

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` takes longer to load than the queries
    from typing import Any

VARIABLE = "_KAGURA_COMPLETE"
MOST = 200
LONGEST = 200

_MARKS = frozenset("._-/@+=:,~")

Candidate = tuple[str, str]
"""A word, and what it means."""

RUN = "run"
VALUES = {
    "--agent": "agent",
    "--model": "model",
    "--session": "session",
    "--trace": RUN,
    "--execution": RUN,
    "--by": "dimension",
}
"""Options whose values a store knows, by the kind of name."""

ARGUMENTS = {"diff": RUN, "replay": RUN}
"""Commands whose arguments a store knows."""

DIMENSIONS = ("agent", "model", "provider", "day", "hour", "user", "session")

_AGENTS = """WITH RECURSIVE names(name) AS (
    SELECT MIN(agent) FROM executions
    UNION ALL SELECT (SELECT MIN(agent) FROM executions WHERE agent > names.name) FROM names WHERE name IS NOT NULL
) SELECT name, '' FROM names WHERE name IS NOT NULL LIMIT 1000"""
_MODELS = "SELECT DISTINCT name, '' FROM usage_days WHERE kind IN ('llm', 'embedding') AND name <> '' ORDER BY name"
_RUNS = "SELECT id, agent || ' ' || status FROM executions ORDER BY last_activity_at DESC LIMIT 1000"
_SESSIONS = """SELECT DISTINCT session_id, agent FROM executions WHERE session_id IS NOT NULL
    ORDER BY last_activity_at DESC LIMIT 1000"""
_TAGS = "SELECT DISTINCT key, '' FROM (SELECT key FROM span_tags UNION SELECT key FROM execution_tags) ORDER BY key"
_QUERIES = {"agent": _AGENTS, "model": _MODELS, RUN: _RUNS, "session": _SESSIONS, "tag": _TAGS}


def answer(
    words: list[str], shell: str, commands: Mapping[str, str], load: "Callable[[str], Any]", environ: Mapping[str, str]
) -> str:
    """The lines for the shell. Never raises: a shell must not show an error at a Tab."""
    try:
        current = words[-1] if words else ""
        found = [row for row in _candidates(words or [""], commands, load, environ) if _is_safe(row[0])]
        fitting = [(word, meaning) for word, meaning in found if word.startswith(current)][:MOST]
    except Exception:  # whatever it is, the user is typing
        return ""
    return "".join(f"{_line(word, meaning, shell)}\n" for word, meaning in dict(fitting).items())


def _line(word: str, meaning: str, shell: str) -> str:
    described = "".join(char for char in meaning if char.isprintable() and char not in "`$\\%")[:80].strip()
    if shell == "zsh":
        word = word.replace(":", "\\:")
        return f"{word}:{described}" if described else word
    return f"{word}\t{described}" if shell == "fish" and described else word


def _is_safe(word: str) -> bool:
    return 0 < len(word) <= LONGEST and all(char.isalnum() or char in _MARKS for char in word)


def _candidates(
    words: list[str], commands: Mapping[str, str], load: "Callable[[str], Any]", environ: Mapping[str, str]
) -> Iterable[Candidate]:
    *given, current = words
    if not given:
        return [*commands.items(), ("--help", "Tell what there is"), ("--version", "Print the version")]
    name, equals, _ = current.partition("=")
    if equals and name in VALUES:
        return [(f"{name}={word}", meaning) for word, meaning in _known(VALUES[name], given, environ)]
    if given[-1] in VALUES and not current.startswith("-"):
        return _known(VALUES[given[-1]], given, environ)
    if given[0] in ARGUMENTS and not current.startswith("-"):
        return _known(ARGUMENTS[given[0]], given, environ)
    return _of_command(load(given[0]), given[1:], current) if given[0] in commands else []


def _of_command(found: "Any", given: list[str], current: str) -> Iterable[Candidate]:
    """Sub-commands, options, and the choices of an option's value."""
    inner = getattr(found, "commands", {})
    if inner and not given:
        return [(name, command.get_short_help_str(80)) for name, command in inner.items()]
    if inner:
        return _of_command(inner[given[0]], given[1:], current) if given[0] in inner else []
    options = {name: item for item in found.params for name in (*item.opts, *item.secondary_opts)}
    waiting = options.get(given[-1]) if given else None
    if waiting is not None and not getattr(waiting, "is_flag", False):
        return [(item.value, item.help or "") for item in waiting.shell_complete(None, "")]
    if not current.startswith("-"):
        return []
    taken = {id(options[word.partition("=")[0]]) for word in given if word.partition("=")[0] in options}
    rows = [(name, item.help or "") for name, item in options.items() if name[0] == "-" and id(item) not in taken]
    return [*rows, ("--help", "Tell more of this command")]


def _known(kind: str, given: list[str], environ: Mapping[str, str]) -> list[Candidate]:
    """Names out of the store: straight from a SQLite file, or by way of the store."""
    if kind == "dimension":
        tags = [(f"tag:{word}", "") for word, _ in _known("tag", given, environ)]
        return [*((name, "") for name in DIMENSIONS), *tags]
    flags = {name: value for name, value in pairwise(given) if name in {"--home", "--db"}}
    path = sqlite_path(environ, flags.get("--home"), flags.get("--db"))
    if path is None:
        return _from_store(kind, flags)
    try:
        with reading(path) as connection:
            return [] if connection is None else list(connection.execute(_QUERIES[kind]))
    except sqlite3.Error:
        return _from_store(kind, flags)


def _from_store(kind: str, flags: Mapping[str, str]) -> list[Candidate]:
    from kagura.config import load
    from kagura.store import Store

    settings = load(flags={"home": flags.get("--home"), "db": flags.get("--db")})
    with Store.open(settings.db_url, read_only=True) as store:
        if kind in {RUN, "session"}:
            runs = store.executions(limit=1000)
            if kind == RUN:
                return [(run.id, f"{run.agent} {run.status.value}") for run in runs]
            return [(run.session_id, run.agent) for run in runs if run.session_id]
        names = {"agent": store.agent_names, "model": store.model_names, "tag": store.tag_keys}
        return [(name, "") for name in names[kind]()]
