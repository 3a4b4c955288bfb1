"""The trace store as everyone uses it."""

from kagura.store.activity import Activity
from kagura.store.agents import Agents
from kagura.store.alert_figures import AlertFigures
from kagura.store.alert_states import AlertStates
from kagura.store.aliases import Aliases
from kagura.store.attempts import Attempts
from kagura.store.cache_savings import Savings
from kagura.store.chains import Chains
from kagura.store.costs import Costs
from kagura.store.ended import Ended
from kagura.store.executions import Executions
from kagura.store.export import Export
from kagura.store.names import Names
from kagura.store.retention import Retention
from kagura.store.revisions import Revisions
from kagura.store.writes import Writes


class Store(
    Writes,
    Executions,
    Activity,
    Attempts,
    Chains,
    Aliases,
    Agents,
    Costs,
    Savings,
    Names,
    Ended,
    Export,
    Retention,
    Revisions,
    AlertFigures,
    AlertStates,
):
    """One trace store, opened with `Store.open(url)`; each base is one subject of its methods."""
