"""A stand-in provider on loopback that speaks three dialects and answers from a script.

It is no model: each answer is fixed, its token counts included, so that the bill of the demo can be worked out by hand.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CHUNK_SECONDS = 0.02
OPENAI_MODEL = "gpt-4o-2024-08-06"
ANTHROPIC_MODEL = "claude-sonnet-4-5-20250929"
GEMINI_MODEL = "gemini-2.5-flash"

OPENAI_TURNS: tuple[dict[str, Any], ...] = (
    {"tool": ("search_docs", {"query": "overhead of LLM proxies"}), "prompt": 512, "cached": 0, "completion": 28},
    {"tool": ("read_page", {"url": "docs/benchmarks.md"}), "prompt": 1480, "cached": 1024, "completion": 31},
    {
        "text": "Most proxies add 5 to 20 ms of CPU time to a call, because they parse and re-encode every chunk.",
        "prompt": 2650,
        "cached": 1408,
        "completion": 96,
    },
)
"""The answer to the n-th turn of the OpenAI conversation, and its usage."""

ANTHROPIC_USAGE = {
    "input_tokens": 420,
    "cache_creation_input_tokens": 2048,
    "cache_read_input_tokens": 6144,
    "cache_creation": {"ephemeral_5m_input_tokens": 2048, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 212,
}
ANTHROPIC_TEXT = "The numbers are plausible, but the sample is small: ask for medians and for the machine."

GEMINI_USAGE = {
    "promptTokenCount": 640,
    "candidatesTokenCount": 48,
    "thoughtsTokenCount": 150,
    "totalTokenCount": 838,
}
GEMINI_TEXT = "ほとんどのプロキシは、1回の呼び出しに5〜20ミリ秒のCPU時間を加えます。"


@contextmanager
def stand_in_provider() -> Iterator[str]:
    """Run the provider in a thread; gives its base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        if self.path.endswith("/chat/completions"):
            self._stream(_openai_events(request))
        elif self.path.endswith("/messages"):
            self._json(_anthropic_answer())
        elif ":generateContent" in self.path:
            self._json(_gemini_answer())
        else:
            self._json({"error": {"message": f"the stand-in does not know {self.path}", "type": "not_found"}}, 404)

    def _json(self, body: dict[str, Any], status: int = 200) -> None:
        time.sleep(10 * CHUNK_SECONDS)
        data = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, events: list[dict[str, Any]]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for line in [*(json.dumps(event) for event in events), "[DONE]"]:
            time.sleep(CHUNK_SECONDS)
            data = f"data: {line}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")


def _openai_events(request: dict[str, Any]) -> list[dict[str, Any]]:
    answered = sum(message["role"] == "assistant" for message in request["messages"])
    turn = OPENAI_TURNS[min(answered, len(OPENAI_TURNS) - 1)]
    head = {"id": f"chatcmpl-demo-{answered}", "object": "chat.completion.chunk", "model": OPENAI_MODEL, "created": 0}
    if "tool" in turn:
        name, arguments = turn["tool"]
        call = {"index": 0, "id": f"call_{answered}", "type": "function"}
        deltas: list[dict[str, Any]] = [
            {"tool_calls": [call | {"function": {"name": name, "arguments": ""}}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": json.dumps(arguments)}}]},
        ]
        reason = "tool_calls"
    else:
        deltas = [{"content": word + " "} for word in turn["text"].split(" ")]
        reason = "stop"
    events = [head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    events.append(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    if (request.get("stream_options") or {}).get("include_usage"):
        usage = {
            "prompt_tokens": turn["prompt"],
            "completion_tokens": turn["completion"],
            "total_tokens": turn["prompt"] + turn["completion"],
            "prompt_tokens_details": {"cached_tokens": turn["cached"]},
        }
        events.append(head | {"choices": [], "usage": usage})
    return events


def _anthropic_answer() -> dict[str, Any]:
    return {
        "id": "msg_demo",
        "type": "message",
        "role": "assistant",
        "model": ANTHROPIC_MODEL,
        "content": [{"type": "text", "text": ANTHROPIC_TEXT}],
        "stop_reason": "end_turn",
        "usage": ANTHROPIC_USAGE,
    }


def _gemini_answer() -> dict[str, Any]:
    return {
        "responseId": "demo",
        "modelVersion": GEMINI_MODEL,
        "candidates": [
            {"content": {"role": "model", "parts": [{"text": GEMINI_TEXT}]}, "finishReason": "STOP", "index": 0}
        ],
        "usageMetadata": GEMINI_USAGE,
    }
