"""What programs call things in OpenTelemetry, by convention and age, and what kagura calls them.

Sources: the OpenTelemetry GenAI conventions of today and of before 1.36 (`gen_ai.system`, `prompt_tokens`, …),
https://github.com/open-telemetry/semantic-conventions-genai; OpenInference,
https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md; OpenLLMetry,
https://github.com/traceloop/openllmetry; the Vercel AI SDK, https://ai-sdk.dev/docs/ai-sdk-core/telemetry; Pydantic AI;
the spans of claude-code (`span.type`) and of gemini-cli (`llm_call`, …).
Of several names the first that is there counts.
"""

from typing import NamedTuple

from kagura.model import SpanKind

LLM, EMBEDDING, TOOL = SpanKind.LLM, SpanKind.EMBEDDING, SpanKind.TOOL
AGENT, MEMORY, RETRIEVAL, STEP = SpanKind.AGENT, SpanKind.MEMORY, SpanKind.RETRIEVAL, SpanKind.SPAN

Names = tuple[str, ...]


class KindRule(NamedTuple):
    """An attribute that says what kind of thing a span is."""

    attribute: str
    kinds: dict[str, SpanKind]
    """By the attribute's value in lower case."""


KINDS = (
    KindRule(
        "gen_ai.operation.name",
        {
            "chat": LLM,
            "generate_content": LLM,
            "text_completion": LLM,
            "completion": LLM,
            "responses": LLM,
            "embeddings": EMBEDDING,
            "embedding": EMBEDDING,
            "execute_tool": TOOL,
            "invoke_agent": AGENT,
            "create_agent": AGENT,
            "invoke_workflow": STEP,
            "plan": STEP,
            "fetch_response": STEP,
            "retrieval": RETRIEVAL,
            "rerank": RETRIEVAL,
            "create_memory_store": MEMORY,
            "delete_memory_store": MEMORY,
            "create_memory": MEMORY,
            "update_memory": MEMORY,
            "upsert_memory": MEMORY,
            "search_memory": MEMORY,
            "delete_memory": MEMORY,
            "llm_call": LLM,
            "tool_call": TOOL,
            "agent_call": STEP,
        },
    ),
    KindRule(
        "openinference.span.kind",
        {
            "llm": LLM,
            "embedding": EMBEDDING,
            "tool": TOOL,
            "agent": AGENT,
            "chain": STEP,
            "retriever": RETRIEVAL,
            "reranker": RETRIEVAL,
            "guardrail": STEP,
            "evaluator": STEP,
            "prompt": STEP,
        },
    ),
    KindRule("llm.request.type", {"chat": LLM, "completion": LLM, "embedding": EMBEDDING, "rerank": RETRIEVAL}),
    KindRule("traceloop.span.kind", {"workflow": STEP, "task": STEP, "agent": AGENT, "tool": TOOL}),
    KindRule(
        "ai.operationId",
        {
            "ai.generatetext.dogenerate": LLM,
            "ai.streamtext.dostream": LLM,
            "ai.generateobject.dogenerate": LLM,
            "ai.streamobject.dostream": LLM,
            "ai.embed.doembed": EMBEDDING,
            "ai.embedmany.doembed": EMBEDDING,
            "ai.toolcall": TOOL,
        },
    ),
    KindRule(
        "span.type",
        {
            "llm_request": LLM,
            "tool": TOOL,
            "tool.execution": STEP,
            "tool.blocked_on_user": STEP,
            "interaction": STEP,
        },
    ),
)
"""Read from the top: the first attribute with a known value decides."""

MARKS = (("gen_ai.tool.name", TOOL), ("gen_ai.tool.call.id", TOOL), ("gen_ai.request.model", LLM))
"""What a span of this kind has that names no kind itself; the last needs a usage beside it."""

FIELDS: dict[str, Names] = {
    "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ai.model.provider"),
    "request_model": (
        "gen_ai.request.model",
        "llm.request.model_name",
        "llm.request.model",
        "embedding.request.model_name",
        "ai.model.id",
    ),
    "response_model": (
        "gen_ai.response.model",
        "llm.response.model_name",
        "llm.response.model",
        "llm.model_name",
        "embedding.model_name",
        "reranker.model_name",
        "ai.response.model",
    ),
    "response_id": ("gen_ai.response.id", "llm.response.id", "ai.response.id"),
    "finish_reason": (
        "gen_ai.response.finish_reasons",
        "gen_ai.response.finish_reason",
        "llm.finish_reason",
        "llm.response.finish_reason",
        "ai.response.finishReason",
        "gen_ai.completion.0.finish_reason",
    ),
    "session_id": (
        "gen_ai.conversation.id",
        "session.id",
        "traceloop.association.properties.session_id",
        "traceloop.association.properties.conversation_id",
        "traceloop.association.properties.thread_id",
        "langfuse.session.id",
        "conversation.id",
        "ai.telemetry.metadata.sessionId",
    ),
    "user": (
        "user.id",
        "enduser.id",
        "traceloop.association.properties.user_id",
        "langfuse.user.id",
        "gen_ai.user",
        "ai.telemetry.metadata.userId",
    ),
    "execution_id": ("kagura.execution_id", "kagura.execution.id"),
    "call_id": ("kagura.call_id", "http.response.header.x-kagura-call-id"),
}
"""Texts; a list's first item counts."""

STREAM: Names = ("gen_ai.request.stream", "gen_ai.is_streaming", "llm.is_streaming", "gen_ai.openai.stream")
FIRST_CHUNK_SECONDS: Names = ("gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token")
FIRST_CHUNK_MILLISECONDS: Names = ("ai.response.msToFirstChunk", "ttft_ms")
HTTP_STATUS: Names = ("http.response.status_code", "http.status_code", "status_code")

AGENT_NAMES: Names = (
    "kagura.agent",
    "gen_ai.agent.name",
    "agent.name",
    "traceloop.workflow.name",
    "ai.telemetry.functionId",
    "openinference.project.name",
    "service.name",
)
"""Whose doing a span is; looked for in the span first, then in what is said about its whole process."""

UNNAMED = "unknown_service"
"""How `service.name` begins where nobody set one."""

TOOL_NAMES: Names = ("gen_ai.tool.name", "tool.name", "ai.toolCall.name", "tool_name", "function_name")
ENTITY_NAMES: Names = ("traceloop.entity.name",)
OPERATIONS_AS_NAMES: Names = ("gen_ai.operation.name",)
"""Which attribute names a memory's or a retrieval's span."""

USAGE: dict[str, Names] = {
    "input": (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.usage.prompt_tokens",
        "llm.token_count.prompt",
        "ai.usage.inputTokens",
        "ai.usage.promptTokens",
        "ai.usage.tokens",
        "input_tokens",
    ),
    "output": (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.usage.completion_tokens",
        "llm.token_count.completion",
        "ai.usage.outputTokens",
        "ai.usage.completionTokens",
        "output_tokens",
    ),
    "cache_read": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.details.cache_read_tokens",
        "gen_ai.usage.details.cache_read_input_tokens",
        "llm.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
        "ai.usage.cachedInputTokens",
        "cache_read_tokens",
    ),
    "cache_write": (
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.details.cache_write_tokens",
        "gen_ai.usage.details.cache_creation_input_tokens",
        "llm.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
        "cache_creation_tokens",
    ),
    "reasoning": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.details.reasoning_tokens",
        "llm.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
        "ai.usage.reasoningTokens",
    ),
    "audio_input": ("gen_ai.usage.audio.input_tokens", "llm.token_count.prompt_details.audio"),
    "audio_output": ("gen_ai.usage.audio.output_tokens", "llm.token_count.completion_details.audio"),
    "image_input": ("gen_ai.usage.image.input_tokens",),
    "image_output": ("gen_ai.usage.image.output_tokens",),
}
"""Fields of `model.Usage`. The conventions count the cache in the input: `incoming.usage_of` mends what does not."""

CACHE_OUTSIDE_INPUT = frozenset(("com.anthropic.claude_code.tracing",))
"""Libraries whose input leaves the cache out, as Anthropic's own counts do."""

TOTAL: Names = ("gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total", "ai.usage.totalTokens")

INPUTS: Names = (
    "gen_ai.input.messages",
    "gen_ai.prompt",
    "llm.input_messages",
    "llm.prompts",
    "ai.prompt.messages",
    "ai.prompt",
    "gen_ai.tool.call.arguments",
    "tool_arguments",
    "ai.toolCall.args",
    "gen_ai.memory.query.text",
    "gen_ai.retrieval.query.text",
    "input.value",
    "traceloop.entity.input",
    "gen_ai.memory.records",
    "pydantic_ai.all_messages",
    "tool.parameters",
    "embedding.embeddings",
)
"""What went in, the most exact first; each is one attribute, or many with its name as prefix (`….0.content`)."""

OUTPUTS: Names = (
    "gen_ai.output.messages",
    "gen_ai.completion",
    "llm.output_messages",
    "ai.response",
    "gen_ai.tool.call.result",
    "tool_response",
    "ai.toolCall.result",
    "output.value",
    "traceloop.entity.output",
    "gen_ai.retrieval.documents",
    "retrieval.documents",
    "reranker.output_documents",
    "final_result",
)

SYSTEM: Names = ("gen_ai.system_instructions",)

OTHER_CONTENT: Names = (
    "gen_ai.tool.definitions",
    "gen_ai.request.functions",
    "gen_ai.memory.query",
    "gen_ai.input.",
    "gen_ai.output.",
    "llm.tools",
    "llm.request.functions",
    "llm.invocation_parameters",
    "llm.prompt_template",
    "llm.choices",
    "llm.completions",
    "input.",
    "output.",
    "ai.prompt",
    "ai.response.text",
    "ai.response.object",
    "ai.response.toolCalls",
    "ai.result",
    "all_messages_events",
    "events",
    "logfire.json_schema",
    "model_request_parameters",
    "retrieval.documents",
    "reranker.",
    "tool.json_schema",
    "langfuse.observation.input",
    "langfuse.observation.output",
    "exception.stacktrace",
    "full_command",
    "bash_command",
)
"""Further names, or beginnings of names, of attributes that hold what was said: they are not kept as attributes."""

REQUEST_PREFIX = "gen_ai.request."
INVOCATION = "llm.invocation_parameters"
"""OpenInference's request without its messages, as JSON text."""

TAGS: Names = ("tag.tags", "langfuse.trace.tags", "kagura.tags")
"""Lists of words."""
TAG_PREFIXES = ("kagura.tag.", "traceloop.association.properties.", "ai.telemetry.metadata.", "metadata.")
"""Attributes whose name goes on with a tag's, and whose value is the tag's."""
METADATA: Names = ("metadata", "langfuse.trace.metadata")
"""JSON objects whose members are tags."""

TOOL_CALL_IDS: Names = (
    "gen_ai.tool.call.id",
    "gen_ai.tool.call_id",
    "tool_call.id",
    "tool.id",
    "ai.toolCall.id",
    "tool_use_id",
    "call_id",
)
TOOL_CALL_ID = "gen_ai.tool.call.id"
"""The name under which kagura keeps it."""
RECORD_COUNT = "gen_ai.memory.record.count"
