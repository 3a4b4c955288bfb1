"""A program that knows nothing of kagura: an agent with a tool, instrumented for OpenTelemetry, exporting OTLP.

`python program.py LIBRARY+LIBRARY PROXY [MODEL]` makes two calls, through the proxy or straight to a model, and exports
its spans and its log records to the proxy.
"""

import json
import sys
from importlib import import_module
from typing import Any

from openai import OpenAI
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

QUESTION = {"role": "user", "content": "What is the weather in Kyoto?"}
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}]


INSTRUMENTORS = {
    "openinference": "openinference.instrumentation.openai:OpenAIInstrumentor",
    "traceloop": "opentelemetry.instrumentation.openai:OpenAIInstrumentor",
    "openai-v2": "opentelemetry.instrumentation.openai_v2:OpenAIInstrumentor",
    "httpx": "opentelemetry.instrumentation.httpx:HTTPXClientInstrumentor",
}


def instrument(libraries: str, provider: TracerProvider, logs: LoggerProvider) -> None:
    """What the documentation of each library tells its users to write."""
    for library in libraries.split("+"):
        module, _, name = INSTRUMENTORS[library].partition(":")
        getattr(import_module(module), name)().instrument(tracer_provider=provider, logger_provider=logs)


def main(libraries: str, proxy: str, model: str = "") -> None:
    """One run of the agent."""
    resource = Resource.create({"service.name": "weather-service"})
    provider, logs = TracerProvider(resource=resource), LoggerProvider(resource=resource)
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint=f"{proxy}/kagura/otlp/v1/logs")))
    exporter = OTLPSpanExporter(endpoint=f"{proxy}/kagura/otlp/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    instrument(libraries, provider, logs)
    tracer = provider.get_tracer("program")
    client: Any = OpenAI(base_url=f"{model or proxy}/v1", api_key="sk-test", max_retries=0)
    said: list[Any] = [QUESTION]
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "forecaster"}
    with tracer.start_as_current_span("handle request"), tracer.start_as_current_span("agent", attributes=agent):
        first = client.chat.completions.create(model="gpt-4o", messages=said, tools=TOOLS)
        (call,) = first.choices[0].message.tool_calls
        tool = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": call.function.name,
            "gen_ai.tool.call.id": call.id,
            "gen_ai.tool.call.arguments": call.function.arguments,
            "gen_ai.tool.call.result": json.dumps({"sky": "clear"}),
        }
        with tracer.start_as_current_span("execute_tool get_weather", attributes=tool):
            result = {"role": "tool", "tool_call_id": call.id, "content": '{"sky": "clear"}'}
        said += [first.choices[0].message.model_dump(exclude_none=True), result]
        usage = {"include_usage": True}
        for _ in client.chat.completions.create(model="gpt-4o", messages=said, stream=True, stream_options=usage):
            pass
    provider.shutdown()
    logs.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
