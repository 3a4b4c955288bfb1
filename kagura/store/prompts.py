"""What the calls of a run sent, as hashes: enough to see what was sent again, without reading a word of it."""

from sqlalchemy import Connection, select

from kagura.store.schema import span_contents, spans
from kagura.store.views import Prompt

__all__ = ["MOST", "Prompt", "read_prompts"]

MOST = 500
"""The latest calls of a run that are looked at."""


def read_prompts(connection: Connection, execution_id: str) -> dict[str, Prompt]:
    """The requests of an execution's latest calls, by span; those whose content was not kept are left out."""
    own = (
        select(span_contents.c.span_id, span_contents.c.inputs, span_contents.c.parameters)
        .join(spans, spans.c.id == span_contents.c.span_id)
        .where(spans.c.execution_id == execution_id)
        .order_by(spans.c.started_at.desc())
        .limit(MOST)
    )
    return {
        span_id: Prompt(bytes(inputs), None if parameters is None else bytes(parameters))
        for span_id, inputs, parameters in connection.execute(own)
        if inputs
    }
