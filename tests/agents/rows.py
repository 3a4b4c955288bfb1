"""The agents that are run: what is installed, how it is started, and what it is asked to do."""

from typing import Any, NamedTuple

from tests.agents.scripts import Role, asks, says

PLANNER, TRANSLATOR, WRITER = "You plan trips", "You translate", "You write letters"
WORDS = "Say TRIP in Japanese, please."
DONE = says("All is planned for TRIP.")
SECONDS = {"get_weather": 0.3, "get_time": 0.15, "look_up": 0.2, "sleep 0.3": 0.3, "sleep 0.15": 0.15, "sleep 0.2": 0.2}
"""How long a tool takes at least, by its name or by words of its arguments."""

_BOTH = asks(("get_weather", {"city": "TRIP"}), ("get_time", {"zone": "TRIP"}))
_LOOK_UP = asks(("look_up", {"word": "TRIP"}))
_TRANSLATED = says("TRIP is tabi.")


class Agent(NamedTuple):
    """One agent."""

    name: str
    packages: tuple[str, ...]
    """What is installed, the agent itself first: `name==1.0` from PyPI, `name@1.0` from npm."""
    command: tuple[str, ...]
    """`PYTHON` and `BIN/…` are those of the installation, `PROGRAMS/…` is a file of ours, `TRIP` the run's mark."""
    roles: tuple[Role, ...]
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def is_npm(self) -> bool:
        return "@" in self.packages[0]

    @property
    def version(self) -> str:
        return self.packages[0].replace("==", "@").rpartition("@")[2]


def _roles(tool: str, arguments: dict[str, Any]) -> tuple[Role, ...]:
    """A planner with two tools at once, then a translator behind this tool, who has a tool as well."""
    planner = Role(PLANNER, (_BOTH, asks((tool, arguments)), DONE))
    return Role(TRANSLATOR, (_LOOK_UP, _TRANSLATED), started_by=tool), planner


def _python(name: str, program: str, roles: tuple[Role, ...], *packages: str, **variables: str) -> Agent:
    return Agent(name, packages, ("PYTHON", f"PROGRAMS/{program}", "TRIP"), roles, tuple(variables.items()))


def _shell(tool: str, argument: str, *, then: tuple[tuple[str, dict[str, Any]], ...]) -> tuple[Role, ...]:
    """The same for coding agents, whose tool is a shell."""
    weather, time, word = "sleep 0.3; echo sunny in TRIP", "sleep 0.15; echo noon in TRIP", "sleep 0.2; echo TRIP"
    both = asks((tool, {argument: weather}), (tool, {argument: time}))
    planner = Role(PLANNER, (both, *(asks(call) for call in then), DONE))
    return Role(TRANSLATOR, (asks((tool, {argument: word})), _TRANSLATED), started_by=then[0][0]), planner


_PROMPT = "You plan trips. Plan TRIP."
_TASK = f"You translate. {WORDS}"

AGENTS = (
    _python(
        "openai-agents",
        "openai_agents.py",
        (
            Role(TRANSLATOR, (_LOOK_UP, _TRANSLATED), started_by="ask_translator"),
            Role(WRITER, (says("Dear TRIP, all is planned."),)),
            Role(PLANNER, (_BOTH, asks(("ask_translator", {"input": WORDS})), asks(("transfer_to_writer", {})))),
        ),
        "openai-agents==0.24.0",
        OPENAI_AGENTS_DISABLE_TRACING="1",
    ),
    _python(
        "langgraph",
        "langgraph_agent.py",
        _roles("ask_translator", {"text": WORDS}),
        "langgraph==1.2.22",
        "langchain==1.4.7",
        "langchain-openai",
    ),
    _python(
        "pydantic-ai",
        "pydantic_agent.py",
        _roles("ask_translator", {"text": WORDS}),
        "pydantic-ai-slim[openai]==2.68.0",
    ),
    _python(
        "crewai",
        "crewai_agent.py",
        _roles("delegate_work_to_coworker", {"task": WORDS, "context": "A trip.", "coworker": "translator"}),
        "crewai==1.15.30",
        CREWAI_DISABLE_TELEMETRY="true",
        CREWAI_TRACING_ENABLED="false",
        OTEL_SDK_DISABLED="true",
    ),
    _python(
        "smolagents",
        "smolagents_agent.py",
        (
            Role(
                TRANSLATOR,
                (_LOOK_UP, asks(("final_answer", {"answer": "TRIP is tabi."}))),
                started_by="ask_translator",
            ),
            Role(
                PLANNER,
                (
                    _BOTH,
                    asks(("ask_translator", {"task": WORDS})),
                    asks(("final_answer", {"answer": "All is planned for TRIP."})),
                ),
            ),
        ),
        "smolagents[openai]==1.26.0",
    ),
    _python("google-adk", "google_adk.py", _roles("ask_translator", {"request": WORDS}), "google-adk==2.13.0"),
    _python(
        "llama-index",
        "llama_index_agent.py",
        _roles("ask_translator", {"text": WORDS}),
        "llama-index-core==0.14.25",
        "llama-index-llms-openai",
    ),
    Agent(
        "ai-sdk",
        ("ai@6.0.326", "@ai-sdk/openai@3.0.141", "zod@4.6.7"),
        ("node", "PROGRAMS/ai_sdk.mjs", "TRIP"),
        _roles("ask_translator", {"text": WORDS}),
    ),
    Agent(
        "claude-code",
        ("@anthropic-ai/claude-code@2.1.330",),
        ("BIN/claude", "-p", _PROMPT, "--permission-mode", "bypassPermissions"),
        _shell(
            "Bash",
            "command",
            then=(
                (
                    "Agent",
                    {
                        "description": "Translate",
                        "prompt": _TASK,
                        "subagent_type": "general-purpose",
                        "run_in_background": False,
                    },
                ),
            ),
        ),
        (("IS_SANDBOX", "1"),),
    ),
    Agent(
        "codex",
        ("@openai/codex@0.169.0",),
        (
            "BIN/codex",
            "exec",
            "--skip-git-repo-check",
            "--dangerously-bypass-approvals-and-sandbox",
            "-m",
            "gpt-5.1-codex",
            _PROMPT,
        ),
        _shell(
            "exec_command",
            "cmd",
            then=(("spawn_agent", {"message": _TASK}), ("wait_agent", {"targets": ["UUID"], "timeout_ms": 10000})),
        ),
        (("CODEX_API_KEY", "sk-test"),),
    ),
)
