"""smolagents with native tool calls and a managed agent."""

import sys

from smolagents import OpenAIModel, ToolCallingAgent, tool
from world import get_time, get_weather, look_up

model = OpenAIModel(model_id="gpt-4o-mini")
translator = ToolCallingAgent(
    tools=[tool(look_up)], model=model, name="ask_translator", description="Translates.", instructions="You translate."
)
planner = ToolCallingAgent(
    tools=[tool(get_weather), tool(get_time)],
    model=model,
    managed_agents=[translator],
    instructions="You plan trips.",
)
print(planner.run(f"Plan {sys.argv[1]}."))
