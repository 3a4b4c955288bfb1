"""An agent that is run: what is installed, how it is started, and what it is asked to do."""

from typing import NamedTuple

from tests.agents.scripts import Role


class Agent(NamedTuple):
    """One agent."""

    name: str
    packages: tuple[str, ...]
    """What is installed, the agent itself first: `name==1.0` from PyPI, `name@1.0` from npm."""
    command: tuple[str, ...]
    """`PYTHON` and `BIN/…` are those of the installation, `PROGRAMS/…` is a file of ours, `TRIP` the run's mark."""
    roles: tuple[Role, ...]
    variables: tuple[tuple[str, str], ...] = ()
    rebuilds: bool = False
    """It writes its history anew with each turn, so that no turn can be seen to follow another."""
    tells: tuple[str, ...] | None = None
    """Tools that only `--otel` shows, where it tells of its tools over OTLP; `None` where it tells nothing."""

    @property
    def is_npm(self) -> bool:
        return "@" in self.packages[0]

    @property
    def version(self) -> str:
        return self.packages[0].replace("==", "@").rpartition("@")[2]
