"""Options of the commands that have many of them, so that a command's signature is a list one can read."""

from enum import StrEnum
from typing import Annotated

import typer

from kagura.model import SpanKind, Status


class Format(StrEnum):
    """How exported rows are written."""

    JSONL = "jsonl"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    OTLP = "otlp"


FormatOption = Annotated[
    Format | None,
    typer.Option("--format", help="One object a line, one array, a table, a Parquet file, OTLP/JSON lines."),
]
OutputOption = Annotated[
    str,
    typer.Option("--output", "-o", metavar="FILE", help="Where to; - is standard output. Its name says the format."),
]
ToOption = Annotated[
    str | None, typer.Option("--to", metavar="URL", help="Send to an OTLP receiver instead of writing.")
]
BegunSince = Annotated[str | None, typer.Option("--since", metavar="TIME", help="Begun from then on: a day, 7d.")]
BegunUntil = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Begun before then; a day whole.")]
BegunLast = Annotated[str | None, typer.Option("--last", metavar="AGE", help="Begun so long ago at most: 7d, 12h.")]
OnlyAgent = Annotated[str | None, typer.Option("--agent", metavar="NAME", help="Only this agent's.")]
OnlyExecution = Annotated[
    str | None, typer.Option("--execution", metavar="ID", help="Only this run's, by the beginning of its id.")
]
OnlyStatus = Annotated[Status | None, typer.Option("--status", help="Only those that stand so.")]
OnlyKind = Annotated[SpanKind | None, typer.Option("--kind", help="Only spans of this kind.")]
OnlyModel = Annotated[str | None, typer.Option("--model", metavar="NAME", help="Only calls that asked or got it.")]
OnlyProvider = Annotated[str | None, typer.Option("--provider", metavar="NAME", help="Only calls to it.")]
OnlySession = Annotated[str | None, typer.Option("--session", metavar="ID", help="Only this session's.")]
OnlyUser = Annotated[str | None, typer.Option("--user", metavar="NAME", help="Only this user's.")]
OnlyTags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="KEY[=VALUE]", help="Only those with the tag; may be repeated.")
]
RunsOption = Annotated[bool, typer.Option("--executions", help="Runs with their sums instead of spans.")]
ContentOption = Annotated[bool, typer.Option("--content", help="With prompts and answers, tool arguments and results.")]

TraceOption = Annotated[
    str | None,
    typer.Option(
        "--trace", metavar="[ID]", help="Timeline of one run, by the beginning of its id; without ID the latest."
    ),
]
SpanOption = Annotated[
    str | None,
    typer.Option(
        "--span", metavar="N", help="All of one part of that run: the number of an LLM call, or an id's beginning."
    ),
]
ThisAgent = Annotated[str | None, typer.Option("--agent", metavar="NAME", help="Only this agent.")]
CostOption = Annotated[bool, typer.Option("--cost", help="What was spent; today, if no time is given.")]
CostDate = Annotated[str | None, typer.Option("--date", metavar="DAY", help="Cost of one day: 2025-10-10.")]
CostSince = Annotated[str | None, typer.Option("--since", metavar="TIME", help="Cost from then on: a day, 7d.")]
CostUntil = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Cost up to then; a day whole.")]
CostLast = Annotated[str | None, typer.Option("--last", metavar="AGE", help="Cost of the last 7d, 12h, …")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print cost as CSV.")]

CommandArgument = Annotated[list[str] | None, typer.Argument(help="The program and its arguments, after --.")]
AgentNameOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Name of the agent (default: the program's name).")
]
RunIdOption = Annotated[
    str | None, typer.Option("--id", metavar="ID", help="Id of the execution (default: a new one).")
]
RunTagsOption = Annotated[
    list[str] | None, typer.Option(metavar="NAME=VALUE", help="A tag to find the run by; repeatable.")
]
RunProxyOption = Annotated[
    str | None, typer.Option(metavar="URL", help="Use the proxy at this address instead of a local one.")
]
OtelOption = Annotated[
    bool,
    typer.Option("--otel", help="Have programs that speak OpenTelemetry, such as claude-code, tell the proxy."),
]
SummaryOption = Annotated[
    str | None, typer.Option("--json", metavar="FILE", help="Write the summary as JSON; - is standard output.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print no summary.")]
