"""The names that a store knows, for completion and for "did you mean": agents, models, tags."""

from typing import Any

from sqlalchemy import ColumnElement, func, select

from kagura.store.accounting import MODEL_KINDS
from kagura.store.database import Database
from kagura.store.schema import execution_tags, executions, span_tags, usage_days

MOST = 1000
"""Names that are looked at: nobody reads more."""


class Names(Database):
    """What things are called."""

    def agent_names(self) -> list[str]:
        """The agents of all executions, by name; one step of the index each, however many runs there are."""
        return self._distinct(executions.c.agent)

    def tag_keys(self) -> list[str]:
        """The keys of all tags, by name."""
        return sorted({*self._distinct(span_tags.c.key), *self._distinct(execution_tags.c.key)})

    def model_names(self) -> list[str]:
        """The models that were called, by name."""
        called = usage_days.c.kind.in_(MODEL_KINDS) & (usage_days.c.name != "")
        statement = select(usage_days.c.name).where(called).distinct().order_by(usage_days.c.name).limit(MOST)
        with self.reading() as connection:
            return list(connection.execute(statement).scalars())

    def _distinct(self, column: ColumnElement[Any]) -> list[str]:
        found: list[str] = []
        with self.reading() as connection:
            following = connection.execute(select(func.min(column))).scalar()
            while following is not None and len(found) < MOST:
                found.append(following)
                following = connection.execute(select(func.min(column)).where(column > following)).scalar()
        return found
