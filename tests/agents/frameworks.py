"""Agents on frameworks and SDKs: a program of ours each."""

from tests.agents.agent import Agent
from tests.agents.plans import BOTH, LOOK_UP, PLANNER, TRANSLATED, TRANSLATOR, WORDS, WRITER, delegating
from tests.agents.scripts import Role, asks, says


def python(name: str, program: str, roles: tuple[Role, ...], *packages: str, **variables: str) -> Agent:
    """An agent in Python."""
    return Agent(name, packages, ("PYTHON", f"PROGRAMS/{program}", "TRIP"), roles, tuple(variables.items()))


_ASK = delegating("ask_translator", {"text": WORDS})

FRAMEWORKS = (
    python(
        "openai-agents",
        "openai_agents.py",
        (
            Role(TRANSLATOR, (LOOK_UP, TRANSLATED), started_by="ask_translator"),
            Role(WRITER, (says("Dear TRIP, all is planned."),)),
            Role(PLANNER, (BOTH, asks(("ask_translator", {"input": WORDS})), asks(("transfer_to_writer", {})))),
        ),
        "openai-agents==0.24.0",
        OPENAI_AGENTS_DISABLE_TRACING="1",
    ),
    python(
        "langgraph",
        "langgraph_agent.py",
        delegating("ask_translator", {"text": WORDS}),
        "langgraph==1.2.22",
        "langchain==1.4.7",
        "langchain-openai",
    ),
    python(
        "pydantic-ai",
        "pydantic_agent.py",
        delegating("ask_translator", {"text": WORDS}),
        "pydantic-ai-slim[openai]==2.68.0",
    ),
    python(
        "crewai",
        "crewai_agent.py",
        delegating("delegate_work_to_coworker", {"task": WORDS, "context": "A trip.", "coworker": "translator"}),
        "crewai==1.15.30",
        CREWAI_DISABLE_TELEMETRY="true",
        CREWAI_TRACING_ENABLED="false",
        OTEL_SDK_DISABLED="true",
    ),
    python(
        "smolagents",
        "smolagents_agent.py",
        (
            Role(
                TRANSLATOR,
                (LOOK_UP, asks(("final_answer", {"answer": "TRIP is tabi."}))),
                started_by="ask_translator",
            ),
            Role(
                PLANNER,
                (
                    BOTH,
                    asks(("ask_translator", {"task": WORDS})),
                    asks(("final_answer", {"answer": "All is planned for TRIP."})),
                ),
            ),
        ),
        "smolagents[openai]==1.26.0",
    ),
    python("google-adk", "google_adk.py", delegating("ask_translator", {"request": WORDS}), "google-adk==2.13.0"),
    python(
        "llama-index",
        "llama_index_agent.py",
        delegating("ask_translator", {"text": WORDS}),
        "llama-index-core==0.14.25",
        "llama-index-llms-openai",
    ),
    Agent(
        "ai-sdk",
        ("ai@6.0.326", "@ai-sdk/openai@3.0.141", "zod@4.6.7"),
        ("node", "PROGRAMS/ai_sdk.mjs", "TRIP"),
        delegating("ask_translator", {"text": WORDS}),
    ),
    python("anthropic-sdk", "anthropic_sdk.py", _ASK, "anthropic==2.10.0"),
    python("google-genai", "google_genai.py", _ASK, "google-genai==3.3.0"),
    python("litellm", "litellm_loop.py", _ASK, "litellm==1.105.0", LITELLM_LOCAL_MODEL_COST_MAP="True"),
    python("agno", "agno_agent.py", _ASK, "agno==3.1.10", "openai", AGNO_TELEMETRY="false"),
    python("strands-agents", "strands_agent.py", _ASK, "strands-agents[openai]==1.62.0"),
    python(
        "autogen",
        "autogen_agent.py",
        delegating("ask_translator", {"task": WORDS}),
        "autogen-agentchat==0.7.5",
        "autogen-ext[openai]==0.7.5",
    ),
    python("semantic-kernel", "semantic_kernel_agent.py", _ASK, "semantic-kernel==1.45.0"),
)
