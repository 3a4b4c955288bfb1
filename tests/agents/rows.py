"""The agents that are run."""

from tests.agents.coders import CODERS
from tests.agents.frameworks import FRAMEWORKS

AGENTS = (*FRAMEWORKS, *CODERS)
