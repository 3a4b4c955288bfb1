"""`kagura export`: spans or runs as JSON lines, JSON, CSV, Parquet or OTLP, streamed."""

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from kagura.cli.attaching import AttachKeyEnvOption, AttachOption, source_from
from kagura.cli.common import ConfigOption, DbOption, HomeOption, command_app, settings_from
from kagura.errors import InputError
from kagura.model import JsonObject, SpanKind, Status

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


class Format(StrEnum):
    """How rows are written."""

    JSONL = "jsonl"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    OTLP = "otlp"


@app.command(epilog=_EXAMPLES)
def export(
    form: Annotated[
        Format | None,
        typer.Option("--format", help="One object a line, one array, a table, a Parquet file, OTLP/JSON lines."),
    ] = None,
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where to; - is standard output. Its name says the format."
        ),
    ] = "-",
    to: Annotated[
        str | None, typer.Option("--to", metavar="URL", help="Send to an OTLP receiver instead of writing.")
    ] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="Begun from then on: a day, 7d.")] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Begun before then; a day whole.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--last", metavar="AGE", help="Begun so long ago at most: 7d, 12h.")
    ] = None,
    agent: Annotated[str | None, typer.Option("--agent", metavar="NAME", help="Only this agent's.")] = None,
    execution: Annotated[
        str | None, typer.Option("--execution", metavar="ID", help="Only this run's, by the beginning of its id.")
    ] = None,
    status: Annotated[Status | None, typer.Option("--status", help="Only those that stand so.")] = None,
    kind: Annotated[SpanKind | None, typer.Option("--kind", help="Only spans of this kind.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Only calls that asked or got it.")
    ] = None,
    provider: Annotated[str | None, typer.Option("--provider", metavar="NAME", help="Only calls to it.")] = None,
    session: Annotated[str | None, typer.Option("--session", metavar="ID", help="Only this session's.")] = None,
    user: Annotated[str | None, typer.Option("--user", metavar="NAME", help="Only this user's.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="KEY[=VALUE]", help="Only those with the tag; may be repeated.")
    ] = None,
    executions: Annotated[bool, typer.Option("--executions", help="Runs with their sums instead of spans.")] = False,
    content: Annotated[
        bool, typer.Option("--content", help="With prompts and answers, tool arguments and results.")
    ] = False,
    attach: AttachOption = None,
    attach_key_env: AttachKeyEnvOption = None,
    config: ConfigOption = None,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Write spans or runs as JSON lines, JSON, CSV, Parquet or OTLP; prompts and answers only with --content."""
    from kagura.cli.export_progress import progress
    from kagura.cli.export_send import receiver_at, send_to
    from kagura.dashboard.output import for_eyes
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
    wanted = form or _by_name(output)
    if wanted is Format.PARQUET and output == "-" and sys.stdout.isatty():
        raise InputError("Parquet is nothing for a terminal", "Name a file: -o calls.parquet.")
    if to and (output != "-" or form not in (None, Format.OTLP)):
        raise InputError("--to sends OTLP and writes no file", "Leave --format and --output out.")
    if (wanted is Format.OTLP or to) and attach:
        raise InputError("OTLP needs the store itself", "Leave --attach out where the store is: --db URL.")
    settings = settings_from(config, home, db)
    receiver = receiver_at(to, settings) if to else None
    with source_from(settings, clock, attach, attach_key_env, db) as source:
        store = source.catch_up()
        if source.behind:
            typer.echo(f"kagura: {source.behind}", err=True)
        if execution:
            chosen = _of_run(chosen, source.run_id(execution))
        if receiver:
            with progress(store, chosen, executions, None) as shown:
                send_to(receiver, settings, store, chosen, shown, executions=executions, content=content)
            return
        with _target(output) as target, progress(store, chosen, executions, target) as shown:
            chunks = _chunks(wanted, settings, store, chosen, executions, content, shown)
            for chunk in for_eyes(chunks) if target.isatty() else chunks:
                target.write(chunk)


def _chunks(
    form: Format,
    settings: "Settings",
    store: "Store | None",
    chosen: "Chosen",
    executions: bool,
    content: bool,
    shown: "Progress",
) -> Iterator[bytes]:
    """All of it as bytes, made as they are taken."""
    from kagura.dashboard.parquet import parquet_file
    from kagura.dashboard.rows import FORMATS, csv_table
    from kagura.store.export import CONTENT_FIELDS, EXECUTION_FIELDS, SPAN_FIELDS

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
