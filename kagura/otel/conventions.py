"""The OpenTelemetry conventions for generative AI, as kagura writes them: one pinned version, one table of names.

Source: https://github.com/open-telemetry/semantic-conventions-genai, whose registry states the version of `SCHEMA_URL`.
What it has no name for (cost, runs, attempts) is called `kagura.…`.
"""

from kagura.model import SpanKind

SEMCONV_VERSION = "1.42.0"
SCHEMA_URL = f"https://opentelemetry.io/schemas/gen-ai/{SEMCONV_VERSION}"

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_STREAM = "gen_ai.request.stream"
PREVIOUS_RESPONSE = "gen_ai.request.previous_response.id"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_ID = "gen_ai.response.id"
FINISH_REASONS = "gen_ai.response.finish_reasons"
TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
AGENT_NAME = "gen_ai.agent.name"
AGENT_ID = "gen_ai.agent.id"
CONVERSATION = "gen_ai.conversation.id"
TOOL_NAME = "gen_ai.tool.name"
TOOL_CALL_ID = "gen_ai.tool.call.id"
TOOL_TYPE = "gen_ai.tool.type"
ERROR_TYPE = "error.type"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
HTTP_STATUS = "http.response.status_code"
SESSION = "session.id"
USER = "user.id"

INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions"
TOOL_ARGUMENTS = "gen_ai.tool.call.arguments"
TOOL_RESULT = "gen_ai.tool.call.result"
QUERY = {SpanKind.MEMORY: "gen_ai.memory.query.text", SpanKind.RETRIEVAL: "gen_ai.retrieval.query.text"}

CONTENT = (
    "gen_ai.input.",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.tool.definitions",
    "gen_ai.memory.query",
    "gen_ai.memory.records",
    "gen_ai.retrieval.query",
    "gen_ai.retrieval.documents",
    "gen_ai.prompt",
    "gen_ai.completion",
    "llm.input_messages",
    "llm.output_messages",
    "llm.prompts",
    "llm.completions",
    "input.value",
    "output.value",
    "traceloop.entity.input",
    "traceloop.entity.output",
)
"""What names of attributes begin with that hold what was said: these conventions, their forerunners, OpenInference."""

USAGE = (
    ("input", "gen_ai.usage.input_tokens"),
    ("output", "gen_ai.usage.output_tokens"),
    ("cache_read", "gen_ai.usage.cache_read.input_tokens"),
    ("cache_write", "gen_ai.usage.cache_write.input_tokens"),
    ("cache_write", "gen_ai.usage.cache_creation.input_tokens"),
    ("reasoning", "gen_ai.usage.reasoning.output_tokens"),
    ("audio_input", "gen_ai.usage.audio.input_tokens"),
    ("audio_output", "gen_ai.usage.audio.output_tokens"),
    ("image_input", "gen_ai.usage.image.input_tokens"),
    ("image_output", "gen_ai.usage.image.output_tokens"),
)
"""Fields of `model.Usage`, and their names. Cache writes bear their former name too, which receivers know better."""

COST = "gen_ai.usage.cost"
"""US dollars that were billed; not part of the conventions, but the name that receivers read."""

SPAN_ID = "kagura.span_id"
"""The span's id in kagura's own store."""

REQUEST_PARAMETERS = {
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
}
"""Numbers in requests, and their names."""

PROVIDERS = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "bedrock-mantle": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "vertex": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
"""Providers whose names in the conventions are not kagura's."""

CHAT, EXECUTE_TOOL, INVOKE_AGENT = "chat", "execute_tool", "invoke_agent"

OPERATIONS = {
    SpanKind.LLM: CHAT,
    SpanKind.EMBEDDING: "embeddings",
    SpanKind.TOOL: EXECUTE_TOOL,
    SpanKind.AGENT: INVOKE_AGENT,
    SpanKind.RETRIEVAL: "retrieval",
}
"""What a span of a kind did, where neither its endpoint nor its attributes say more."""

ENDPOINT_OPERATIONS = {
    "complete": "text_completion",
    "completions": "text_completion",
    "fim/completions": "text_completion",
    "generate": "text_completion",
    "generateContent": "generate_content",
    "streamGenerateContent": "generate_content",
}
"""Endpoints of models that are no chats."""

RECEIVED = "otel"
"""kagura's attribute of spans that came in over OTLP."""
