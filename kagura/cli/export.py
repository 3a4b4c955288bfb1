"""`kagura export`: spans or runs as JSON lines, JSON, CSV, Parquet or OTLP, streamed."""

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import typer

from kagura.cli.attaching import AttachKeyEnvOption, AttachOption, source_from
from kagura.cli.common import ConfigOption, DbOption, HomeOption, command_app, settings_from
from kagura.cli.options import (
    BegunLast,
    BegunSince,
    BegunUntil,
    ContentOption,
    Format,
    FormatOption,
    OnlyAgent,
    OnlyExecution,
    OnlyKind,
    OnlyModel,
    OnlyProvider,
    OnlySession,
    OnlyStatus,
    OnlyTags,
    OnlyUser,
    OutputOption,
    RunsOption,
    ToOption,
)
from kagura.errors import InputError
from kagura.model import JsonObject

if TYPE_CHECKING:
    from kagura.cli.export_progress import Progress
    from kagura.config import Settings
    from kagura.store import Store
    from kagura.store.export import Chosen

app = command_app()

_EXAMPLES = """Examples:

kagura export > calls.jsonl · every call and tool, one JSON object a line

kagura export --last 7d --agent my_agent -o week.csv · one agent's week for a spreadsheet

kagura export --executions --tag team=search -o runs.parquet · runs with their sums, for pandas or DuckDB

kagura export --execution run_20 --format otlp --content -o run.otlp.jsonl · one run's trace with prompts

kagura export --last 90d --to http://localhost:4318 · history, to an OpenTelemetry collector, Jaeger, Phoenix

kagura export --last 1d --attach http://kagura.example:4100 > day.jsonl · what a proxy elsewhere recorded"""


@app.command(epilog=_EXAMPLES)
def export(
    form: FormatOption = None,
    output: OutputOption = "-",
    to: ToOption = None,
    since: BegunSince = None,
    until: BegunUntil = None,
    last: BegunLast = None,
    agent: OnlyAgent = None,
    execution: OnlyExecution = None,
    status: OnlyStatus = None,
    kind: OnlyKind = None,
    model: OnlyModel = None,
    provider: OnlyProvider = None,
    session: OnlySession = None,
    user: OnlyUser = None,
    tag: OnlyTags = None,
    executions: RunsOption = False,
    content: ContentOption = False,
    attach: AttachOption = None,
    attach_key_env: AttachKeyEnvOption = None,
    config: ConfigOption = None,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Write spans or runs as JSON lines, JSON, CSV, Parquet or OTLP; prompts and answers only with --content."""
    from kagura.dashboard.period import Clock, parse_window
    from kagura.store.opening import quick_imports

    with quick_imports():
        from kagura.store.export import Chosen

    clock = Clock()
    window = parse_window(clock, None, since, until, last)
    chosen = Chosen(
        since=window.since,
        until=window.until,
        agent=agent,
        status=status and status.value,
        session_id=session,
        user=user,
        tags=tuple(_tag(text) for text in tag or ()),
        kind=kind and kind.value,
        provider=provider,
        model=model,
    )
    if executions and chosen.of_spans_only:
        raise InputError("--kind, --model and --provider say nothing about runs", "Leave --executions out.")
    wanted = _wanted(form, output, to, attach)
    settings = settings_from(config, home, db)
    with source_from(settings, clock, attach, attach_key_env, db) as source:
        what = _Wanted(settings, source.catch_up(), chosen, executions, content)
        if source.behind:
            typer.echo(f"kagura: {source.behind}", err=True)
        if execution:
            what = what._replace(chosen=_of_run(chosen, source.run_id(execution)))
        if to:
            _send(what, to)
        else:
            _write(what, wanted, output)


class _Wanted(NamedTuple):
    """What is exported, and whence."""

    settings: "Settings"
    store: "Store | None"
    chosen: "Chosen"
    executions: bool
    content: bool


def _wanted(form: Format | None, output: str, to: str | None, attach: str | None) -> Format:
    """The format that the flags come to. Raises InputError where they do not fit together."""
    wanted = form or _by_name(output)
    if wanted is Format.PARQUET and output == "-" and sys.stdout.isatty():
        raise InputError("Parquet is nothing for a terminal", "Name a file: -o calls.parquet.")
    if to and (output != "-" or form not in (None, Format.OTLP)):
        raise InputError("--to sends OTLP and writes no file", "Leave --format and --output out.")
    if (wanted is Format.OTLP or to) and attach:
        raise InputError("OTLP needs the store itself", "Leave --attach out where the store is: --db URL.")
    return wanted


def _send(what: _Wanted, to: str) -> None:
    from kagura.cli.export_progress import progress
    from kagura.cli.export_send import receiver_at, send_to

    settings, store, chosen, executions, content = what
    receiver = receiver_at(to, settings)
    with progress(store, chosen, executions, None) as shown:
        send_to(receiver, settings, store, chosen, shown, executions=executions, content=content)


def _write(what: _Wanted, form: Format, output: str) -> None:
    from kagura.cli.export_progress import progress
    from kagura.dashboard.output import for_eyes

    with _target(output) as target, progress(what.store, what.chosen, what.executions, target) as shown:
        chunks = _chunks(form, what, shown)
        for chunk in for_eyes(chunks) if target.isatty() else chunks:
            target.write(chunk)


def _chunks(form: Format, what: _Wanted, shown: "Progress") -> Iterator[bytes]:
    """All of it as bytes, made as they are taken."""
    from kagura.dashboard.parquet import parquet_file
    from kagura.dashboard.rows import FORMATS, csv_table
    from kagura.store.export import CONTENT_FIELDS, EXECUTION_FIELDS, SPAN_FIELDS

    settings, store, chosen, executions, content = what
    if form is Format.OTLP:
        from kagura.collector.otlp_file import otlp_lines

        if store is None:
            return iter(())
        return otlp_lines(settings, store, chosen, executions=executions, content=content, counted=shown.add)
    rows = shown.counted(_rows(store, chosen, executions, content))
    fields = EXECUTION_FIELDS if executions else SPAN_FIELDS + (CONTENT_FIELDS if content else ())
    if form is Format.CSV:
        return csv_table(rows, fields)
    if form is Format.PARQUET:
        return parquet_file(rows, fields, of_spans=not executions)
    return FORMATS[form](rows)


def _rows(store: "Store | None", chosen: "Chosen", executions: bool, content: bool) -> Iterable[JsonObject]:
    from kagura.otel.encoding import is_said

    if store is None:
        return
    rows = store.export_executions(chosen) if executions else store.export_spans(chosen, content=content)
    for row in rows:
        attributes: dict[str, Any] = row["attributes"]
        if attributes and not content and any(map(is_said, attributes)):
            row["attributes"] = {name: value for name, value in attributes.items() if not is_said(name)}
        yield row


def _of_run(chosen: "Chosen", execution_id: str) -> "Chosen":
    import msgspec

    return msgspec.structs.replace(chosen, execution_id=execution_id)


def _tag(text: str) -> tuple[str, str | None]:
    name, mark, value = text.partition("=")
    if not name:
        raise InputError(f"--tag {text!r}: names no tag", "Such as --tag team=search, or --tag team.")
    return name, value if mark else None


def _by_name(output: str) -> Format:
    """The format that a file's name says; JSON lines where it says none."""
    suffixes = [suffix.removeprefix(".").lower() for suffix in Path(output).suffixes]
    if Format.OTLP in suffixes:
        return Format.OTLP
    known = {form.value: form for form in Format} | {"ndjson": Format.JSONL, "pq": Format.PARQUET}
    return known.get(suffixes[-1] if suffixes else "", Format.JSONL)


@contextmanager
def _target(output: str) -> Iterator[BinaryIO]:
    """Standard output, or a private file that takes its name only when it is whole."""
    path = Path(output)
    if output == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                yield file
            return
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.resolve().parent)
    except OSError as error:
        raise InputError(
            f"{output}: cannot be written: {error.strerror}", "Check the folder, and who owns it."
        ) from None
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(name).replace(path.resolve())
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
