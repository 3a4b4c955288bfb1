"""The line of `kagura statusline`: which figures it holds, and the way to them that loads next to nothing."""

import os
import sqlite3
import sys
import time
from collections.abc import Mapping

from kagura.cli.quick_store import reading, sqlite_path

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing `typing` takes longer than the queries
    from decimal import Decimal

DAILY = "{today} today · {calls}"
OF_SESSION = "{session} session · {today} today"
"""What is shown without and with a session, where no format is given."""

FIGURES = {
    "session": "cost of the session",
    "session_calls": "its LLM calls",
    "today": "cost of today",
    "month": "cost of this month",
    "calls": "LLM calls of today",
    "tokens": "their tokens, in and out",
    "errors": "those that failed",
    "running": "runs under way",
    "model": "the model that claude-code names",
}
"""What a format can hold in braces."""

BEGIN = "kagura: no calls yet"

STDIN_SECONDS = 0.1
STDIN_BYTES = 1_000_000
_SLOT = 900_000_000
_VALUES = {"--session": "session", "--format": "form", "--home": "home", "--db": "db"}


class Asked:
    """What the line shall show, and from where."""

    def __init__(
        self, session: str | None = None, form: str | None = None, home: str | None = None, db: str | None = None
    ) -> None:
        self.session, self.form, self.home, self.db = session, form, home, db
        self.model = ""

    def named(self) -> list[str]:
        """The figures that the format names, in its order. Raises ValueError with what is wrong with the format."""
        return [name for _, name in pieces(self.template) if name]

    @property
    def template(self) -> str:
        """The format that was given, or the usual one."""
        return self.form or (OF_SESSION if self.session else DAILY)


def pieces(template: str) -> list[tuple[str, str]]:
    """A format as (text, figure) pairs; the last figure is empty. Raises ValueError where a brace or name is wrong."""
    found = []
    rest = template
    while "{" in rest:
        text, _, rest = rest.partition("{")
        name, brace, rest = rest.partition("}")
        if not brace or name not in FIGURES:
            raise ValueError(f"there is no figure {{{name}}}")
        found.append((text, name))
    return [*found, (rest, "")]


def quick(arguments: list[str], environ: Mapping[str, str]) -> str | None:
    """The line, with nothing but the standard library; `None` where the whole command has to be asked."""
    asked = _parsed(arguments)
    path = sqlite_path(environ, asked.home, asked.db) if asked else None
    if asked is None or path is None:
        return None
    take_session(asked)
    try:
        wanted = asked.named()
        with reading(path) as connection:
            return BEGIN if connection is None else render(asked, _figures(connection, wanted, asked.session))
    except (sqlite3.Error, ValueError):
        return None


def _parsed(arguments: list[str]) -> Asked | None:
    """The flags as they are usually given; anything else is left to the whole command."""
    given = {}
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if name not in _VALUES:
            return None
        following = value if equals else next(words, None)
        if following is None:
            return None
        given[_VALUES[name]] = following
    return Asked(**given)


def take_session(asked: Asked) -> None:
    """Take session and model from claude-code's JSON on standard input, where it is there and no session was named."""
    if asked.session is not None:
        return
    text = piped()
    if not text.lstrip().startswith(b"{"):
        return
    import json

    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return
    session, model = said.get("session_id"), said.get("model")
    name = model.get("display_name") if isinstance(model, dict) else None
    asked.session = session[:200] if isinstance(session, str) and session else None
    asked.model = "".join(filter(str.isprintable, name[:60])) if isinstance(name, str) else ""


def piped() -> bytes:
    """What stands on standard input, if it is a pipe or file; never waits longer than `STDIN_SECONDS` for more."""
    import select
    import stat

    try:
        fd = sys.stdin.fileno()
        mode = os.fstat(fd).st_mode
    except (OSError, ValueError, AttributeError):
        return b""
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISREG(mode)):
        return b""
    text, deadline = b"", time.monotonic() + STDIN_SECONDS
    while len(text) < STDIN_BYTES:
        if not select.select([fd], [], [], max(deadline - time.monotonic(), 0))[0]:
            break
        chunk = os.read(fd, 65_536)
        text += chunk
        if not chunk:
            break
    return text


def midnights(now: float) -> tuple[int, int]:
    """The quarters of an hour with which the local day and the local month began."""
    local = time.localtime(now)
    day = time.mktime((local.tm_year, local.tm_mon, local.tm_mday, 0, 0, 0, 0, 0, -1))
    month = time.mktime((local.tm_year, local.tm_mon, 1, 0, 0, 0, 0, 0, -1))
    return int(day) * 1_000_000 // _SLOT, int(month) * 1_000_000 // _SLOT


_MODEL_CALLS = "kind IN ('llm', 'embedding')"
_MONEY = "SUM(cost_billed), SUM(cost_estimated), SUM(unknown_cost_calls)"
_SINCE = "FROM usage_slots WHERE slot >= ?"
_DAY = (
    f"SELECT {_MONEY}, SUM(CASE WHEN {_MODEL_CALLS} THEN calls ELSE 0 END), "
    f"SUM(CASE WHEN {_MODEL_CALLS} THEN input_tokens + output_tokens ELSE 0 END), "
    f"SUM(CASE WHEN {_MODEL_CALLS} THEN errors ELSE 0 END) {_SINCE}"
)
_MONTH = f"SELECT {_MONEY} {_SINCE}"
_SESSION = f"SELECT {_MONEY}, SUM(llm_calls) FROM executions WHERE session_id = ? OR id = ?"  # noqa: S608
_RUNNING = "SELECT COUNT(*) FROM executions WHERE status = 'running'"


def _figures(connection: sqlite3.Connection, wanted: list[str], session: str | None) -> dict[str, str]:
    """The figures that are wanted, from the sums that each write keeps up."""

    def one(query: str, *values: object) -> list[int]:
        return [value or 0 for value in connection.execute(query, values).fetchone()]

    def cost(pico: list[int]) -> str:
        from decimal import Decimal

        return cost_text(Decimal(pico[0]).scaleb(-12), Decimal(pico[1]).scaleb(-12), pico[2])

    today, month = midnights(time.time())
    found: dict[str, str] = {}
    if {"today", "calls", "tokens", "errors"} & set(wanted):
        row = one(_DAY, today)
        found |= day_figures(cost(row[:3]), *row[3:])
    if "month" in wanted:
        found["month"] = cost(one(_MONTH, month))
    if {"session", "session_calls"} & set(wanted) and session is not None:
        row = one(_SESSION, session, session)
        found |= session_figures(cost(row[:3]), row[3])
    if "running" in wanted:
        found["running"] = running_text(*one(_RUNNING))
    return found


def day_figures(cost: str, calls: int, tokens: int, errors: int) -> dict[str, str]:
    """The figures of a day as text."""
    from kagura.dashboard.amounts import plural
    from kagura.dashboard.amounts import tokens as size

    return {
        "today": cost,
        "calls": plural(calls, "call"),
        "tokens": f"{size(tokens)} tokens",
        "errors": plural(errors, "error"),
    }


def session_figures(cost: str, calls: int) -> dict[str, str]:
    """The figures of a session as text."""
    from kagura.dashboard.amounts import plural

    return {"session": cost, "session_calls": plural(calls, "call")}


def running_text(number: int) -> str:
    """How many runs are under way."""
    return f"{number:,} running"


def cost_text(billed: "Decimal", estimated: "Decimal", unknown_calls: int) -> str:
    """A sum in few cells: `$4.57`, `~$0.10` where estimated, `$4.57+` where there is more."""
    from kagura.dashboard.amounts import NOTHING, least_text

    text = least_text(billed, estimated, unknown_calls)
    return "$0.00" if text == NOTHING else text


def render(asked: Asked, figures: Mapping[str, str]) -> str:
    """The line; what has no figure shows `-`."""
    values = {"model": asked.model, **figures}
    return "".join(text + (values.get(name) or "-" if name else "") for text, name in pieces(asked.template))
