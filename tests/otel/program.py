"""A program that knows nothing of kagura: an agent with a tool, instrumented for OpenTelemetry, exporting OTLP.

`python program.py LIBRARY PROXY` makes two calls through the proxy and exports its spans there.
"""

import json
import sys

from openai import OpenAI
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

QUESTION = {"role": "user", "content": "What is the weather in Kyoto?"}
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}]


def instrument(library: str, provider: TracerProvider) -> None:
    """What the documentation of each library tells its users to write."""
    if "openinference" in library:
        from openinference.instrumentation.openai import OpenAIInstrumentor

        OpenAIInstrumentor().instrument(tracer_provider=provider)
    if "traceloop" in library:
        from opentelemetry.instrumentation.openai import OpenAIInstrumentor as Traceloop

        Traceloop().instrument(tracer_provider=provider)
    if "openai-v2" in library:
        from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor as Official

        Official().instrument(tracer_provider=provider)
    if "httpx" in library:
        from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor

        HTTPXClientInstrumentor().instrument(tracer_provider=provider)


def main(library: str, proxy: str) -> None:
    """One run of the agent."""
    provider = TracerProvider(resource=Resource.create({"service.name": "weather-service"}))
    exporter = OTLPSpanExporter(endpoint=f"{proxy}/kagura/otlp/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    instrument(library, provider)
    tracer = provider.get_tracer("program")
    client = OpenAI(base_url=f"{proxy}/v1", api_key="sk-test", max_retries=0)
    said: list[object] = [QUESTION]
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "forecaster"}
    with tracer.start_as_current_span("handle request"), tracer.start_as_current_span("agent", attributes=agent):
        first = client.chat.completions.create(model="gpt-4o", messages=said, tools=TOOLS)  # type: ignore[call-overload]
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
        for _ in client.chat.completions.create(model="gpt-4o", messages=said, stream=True, stream_options=usage):  # type: ignore[call-overload]
            pass
    provider.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
