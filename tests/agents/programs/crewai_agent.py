"""crewai: an agent with tools that delegates to a coworker."""

import sys

from crewai import Agent, Crew, Task
from crewai.tools import tool
from world import get_time, get_weather, look_up

planner = Agent(
    role="planner",
    goal="You plan trips.",
    backstory="A planner.",
    tools=[tool("get_weather")(get_weather), tool("get_time")(get_time)],
    allow_delegation=True,
    llm="gpt-4o-mini",
)
translator = Agent(
    role="translator", goal="You translate.", backstory="Fluent.", tools=[tool("look_up")(look_up)], llm="gpt-4o-mini"
)
task = Task(description=f"Plan {sys.argv[1]}.", expected_output="A plan.", agent=planner)
print(Crew(agents=[planner, translator], tasks=[task]).kickoff())
