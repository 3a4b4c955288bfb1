"""An agent on OpenAI's SDK alone: a loop of calls and tools, in which one tool is another such loop."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from openai import OpenAI
from world import get_time, get_weather, look_up

client = OpenAI()


def agent(instructions, prompt, *tools):
    """Answer a prompt with the help of tools."""
    known = {tool.__name__: tool for tool in tools}
    offered = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in known]
    messages = [{"role": "system", "content": instructions}, {"role": "user", "content": prompt}]
    while True:
        asked = client.chat.completions.create(model="gpt-4o-mini", messages=messages, tools=offered)
        answer = asked.choices[0].message
        if not answer.tool_calls:
            return answer.content
        messages.append(answer)
        with ThreadPoolExecutor() as pool:
            calls = [call.function for call in answer.tool_calls]
            results = pool.map(lambda call: known[call.name](**json.loads(call.arguments)), calls)
        pairs = zip(answer.tool_calls, results, strict=True)
        messages += [{"role": "tool", "tool_call_id": call.id, "content": result} for call, result in pairs]


def ask_translator(text):
    """Have words translated."""
    return agent("You translate.", text, look_up)


print(agent("You plan trips.", f"Plan {sys.argv[1]}.", get_weather, get_time, ask_translator))
