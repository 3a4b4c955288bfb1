"""A small agent, written as if kagura did not exist: it reads base URLs from the environment like the SDKs do.

python -m kagura.demo.agent research|review|translate
"""

import json
import os
import sys
import time
import urllib.request
from typing import Any

QUESTION = "How much time do LLM proxies add to a call?"
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("search_docs", "read_page")
]


def post(url: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
    """Send JSON; gives the open answer."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json", **headers})  # noqa: S310
    return urllib.request.urlopen(request, timeout=60)  # noqa: S310


def research() -> str:
    """An agent loop over OpenAI's chat API with streamed answers and two tools."""
    url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "You research questions about software."},
        {"role": "user", "content": QUESTION},
    ]
    while True:
        body = {"model": "gpt-4o", "stream": True, "messages": messages, "tools": TOOLS}
        with post(url, body, {"authorization": "Bearer demo"}) as answer:
            message = assemble(answer)
        messages.append(message)
        if not message.get("tool_calls"):
            return str(message["content"])
        for call in message["tool_calls"]:
            result = use_tool(call["function"]["name"], json.loads(call["function"]["arguments"]))
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})


def assemble(lines: Any) -> dict[str, Any]:
    """The assistant's message from the streamed chunks."""
    text, calls = "", list[dict[str, Any]]()
    for line in lines:
        data = line.decode().strip().removeprefix("data: ")
        if not data or data == "[DONE]":
            continue
        for choice in json.loads(data)["choices"]:
            delta = choice["delta"]
            text += delta.get("content") or ""
            for part in delta.get("tool_calls", []):
                if "id" in part:
                    calls.append({key: part[key] for key in ("id", "type", "function")})
                else:
                    calls[-1]["function"]["arguments"] += part["function"]["arguments"]
    return {"role": "assistant", "content": text or None} | ({"tool_calls": calls} if calls else {})


def use_tool(name: str, arguments: dict[str, Any]) -> str:
    """Pretend to work for a moment."""
    time.sleep(0.15)
    if name == "search_docs":
        return json.dumps([{"title": "Benchmarks", "url": "docs/benchmarks.md", "for": arguments.get("query")}])
    return "Measured on two cores: 12 ms of CPU time a call for one proxy, 0.2 ms for another."


def review() -> str:
    """One question to Anthropic's messages API."""
    body = {
        "model": "claude-sonnet-4-5",
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": "Review this claim: most proxies add 5 to 20 ms."}],
    }
    headers = {"x-api-key": "demo", "anthropic-version": "2023-06-01"}
    with post(os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages", body, headers) as answer:
        return str(json.load(answer)["content"][0]["text"])


def translate() -> str:
    """One question to Gemini's generateContent."""
    prompt = "Translate into Japanese: most proxies add 5 to 20 ms of CPU time to a call."
    body = {"contents": [{"role": "user", "parts": [{"text": prompt}]}]}
    url = os.environ["GOOGLE_GEMINI_BASE_URL"] + "/v1beta/models/gemini-2.5-flash:generateContent"
    with post(url, body, {"x-goog-api-key": "demo"}) as answer:
        return str(json.load(answer)["candidates"][0]["content"]["parts"][0]["text"])


TASKS = {"research": research, "review": review, "translate": translate}

if __name__ == "__main__":
    for task in sys.argv[1:] or TASKS:
        sys.stdout.write(f"{task}: {TASKS[task]()}\n")
