"""What agents are asked to do: a planner calls two tools at once, then asks a translator, who has a tool as well."""

from typing import Any

from tests.agents.scripts import Role, Step, asks, says

PLANNER, TRANSLATOR, WRITER = "You plan trips", "You translate", "You write letters"
WORDS = "Say TRIP in Japanese, please."
DONE = says("All is planned for TRIP.")
SECONDS = {"get_weather": 0.3, "get_time": 0.15, "look_up": 0.2, "sleep 0.3": 0.3, "sleep 0.15": 0.15, "sleep 0.2": 0.2}
"""How long a tool takes at least, by its name or by words of its arguments."""

BOTH = asks(("get_weather", {"city": "TRIP"}), ("get_time", {"zone": "TRIP"}))
LOOK_UP = asks(("look_up", {"word": "TRIP"}))
TRANSLATED = says("TRIP is tabi.")
PROMPT = "You plan trips. Plan TRIP."
TASK = f"You translate. {WORDS}"


def delegating(tool: str, arguments: dict[str, Any]) -> tuple[Role, ...]:
    """The plan for agents of a framework, with the translator behind this tool."""
    planner = Role(PLANNER, (BOTH, asks((tool, arguments)), DONE))
    return Role(TRANSLATOR, (LOOK_UP, TRANSLATED), started_by=tool), planner


def shell(
    tool: str,
    argument: str,
    *then: tuple[str, dict[str, Any]],
    translated: Step = TRANSLATED,
    finally_: tuple[Step, ...] = (DONE,),
    **more: Any,
) -> tuple[Role, ...]:
    """The same for coding agents, whose tool is a shell; the first tool of `then`, if any, starts the translator."""
    weather, time, word = "sleep 0.3; echo sunny in TRIP", "sleep 0.15; echo noon in TRIP", "sleep 0.2; echo TRIP"
    both = asks((tool, {argument: weather, **more}), (tool, {argument: time, **more}))
    planner = Role(PLANNER, (both, *(asks(call) for call in then), *finally_))
    if not then:
        return (planner,)
    return Role(TRANSLATOR, (asks((tool, {argument: word, **more})), translated), started_by=then[0][0]), planner
