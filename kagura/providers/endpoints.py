"""What an endpoint is, told from method and path alone: one row a pattern, the first that fits wins."""

import re
from functools import lru_cache
from typing import NamedTuple

from kagura.model import SpanKind

LLM, EMBEDDING, RETRIEVAL, SPAN = SpanKind.LLM, SpanKind.EMBEDDING, SpanKind.RETRIEVAL, SpanKind.SPAN

CHAT = "openai_chat"
RESPONSES = "openai_responses"
MEDIA = "openai_media"
EMBEDDINGS = "embeddings"
REALTIME = "realtime"

CALLING = frozenset(("POST", "WEBSOCKET"))
"""Methods by which an answer is asked for; the second stands for a message of a websocket."""


class Endpoint(NamedTuple):
    """What a call to a path is."""

    name: str
    """Such as `chat/completions`, `messages`, `embeddings`, `files`; `other` where no row fits."""
    dialect: str | None
    """The reader of its bodies; `None` where the bodies themselves must tell (see `sniff`)."""
    kind: SpanKind
    billable: bool
    """Whether such a call consumes tokens or other billed units."""


OTHER = Endpoint("other", None, SPAN, False)


def _passive(name: str) -> Endpoint:
    """An endpoint that lists, stores or fetches, and bills nothing by the call."""
    return Endpoint(name, None, SPAN, False)


ROWS: tuple[tuple[str, Endpoint], ...] = (
    (r"/organization/", _passive("organization")),
    (r"/wenxinworkshop/chat/", Endpoint("chat/completions", "native", LLM, True)),
    (r"/chat/completions$", Endpoint("chat/completions", CHAT, LLM, True)),
    (r"/chat/completions/", _passive("chat/completions-item")),
    (r"/fim/completions$", Endpoint("fim/completions", CHAT, LLM, True)),
    (r"/agents/completions$", Endpoint("agents/completions", CHAT, LLM, True)),
    (r"/threads(/|$)|/assistants(/|$)", _passive("assistants")),
    (r"/conversations(/|$)", _passive("conversations")),
    (r"/vector_stores(/|$)", _passive("vector_stores")),
    (r"/fine_tuning/|/fine-tunes(/|$)", _passive("fine_tuning")),
    (r"/containers(/|$)", _passive("containers")),
    (r"/uploads(/|$)", _passive("uploads")),
    (r"/evals(/|$)", _passive("evals")),
    (r"/skills(/|$)", _passive("skills")),
    (r"/realtime/", _passive("realtime-item")),
    (r"/realtime$", Endpoint("realtime", REALTIME, LLM, True)),
    (r"/messages/count_tokens$|count-tokens:rawpredict$|/count-tokens$|:counttokens$", _passive("count_tokens")),
    (r"/responses/input_tokens$", _passive("count_tokens")),
    (r"/(de)?tokenize$", _passive("tokenize")),
    (r"/messages/batches", _passive("batches")),
    (r"/messages$", Endpoint("messages", "anthropic", LLM, True)),
    (r"/v1/complete$", Endpoint("complete", "anthropic", LLM, True)),
    (r"/prompts/.*/completions$", Endpoint("chat/completions", CHAT, LLM, True)),
    (r"/completions$", Endpoint("completions", CHAT, LLM, True)),
    (r"^/complete$", Endpoint("complete", None, LLM, True)),
    (r"/responses/compact$", Endpoint("responses/compact", RESPONSES, LLM, True)),
    (r"/responses$", Endpoint("responses", RESPONSES, LLM, True)),
    (r"/responses/", _passive("responses-item")),
    (r":(batch)?embedcontents?$", Endpoint("embeddings", EMBEDDINGS, EMBEDDING, True)),
    (r":(async)?batch\w+$", _passive("batches")),
    (r":streamgeneratecontent$", Endpoint("streamGenerateContent", "gemini", LLM, True)),
    (r":generatecontent$", Endpoint("generateContent", "gemini", LLM, True)),
    (r":streamrawpredict$", Endpoint("streamRawPredict", None, LLM, True)),
    (r":rawpredict$", Endpoint("rawPredict", None, LLM, True)),
    (r":predictlongrunning$", Endpoint("videos", MEDIA, LLM, False)),
    (r"embed[^/]*:predict$", Endpoint("predict", EMBEDDINGS, EMBEDDING, True)),
    (r":predict$", Endpoint("predict", MEDIA, LLM, True)),
    (
        r"/embeddings(/|$)|/embed$|/(contextualized|multimodal)embeddings$|/feature-extraction$",
        Endpoint("embeddings", EMBEDDINGS, EMBEDDING, True),
    ),
    (r"/interactions$", Endpoint("interactions", "gemini", LLM, True)),
    (r"/interactions/", _passive("interactions-item")),
    (r"/cachedcontents(/|$)", _passive("cachedContents")),
    (r"/batch(es)?(/|$)|/batch/", _passive("batches")),
    (r"/audio/speech|/text-to-speech(/|$)|/speak$|/v1/tts$", Endpoint("audio/speech", MEDIA, LLM, True)),
    (r"/audio/transcriptions|/speech-to-text$|/listen$|/v1/stt$", Endpoint("audio/transcriptions", MEDIA, LLM, True)),
    (r"/audio/translations", Endpoint("audio/translations", MEDIA, LLM, True)),
    (r"/images(/|$)", Endpoint("images", MEDIA, LLM, True)),
    (r"/videos$", Endpoint("videos", MEDIA, LLM, True)),
    (r"/videos/", _passive("videos-item")),
    (r"/moderations$|/classifiers(/|$)|/classifications$", Endpoint("moderations", MEDIA, LLM, True)),
    (r"/files(/|:|$)", _passive("files")),
    (r"/ocr$", Endpoint("ocr", MEDIA, LLM, True)),
    (r"/rerank$", Endpoint("rerank", "cohere", RETRIEVAL, True)),
    (r"/converse-stream$", Endpoint("converse-stream", "bedrock", LLM, True)),
    (r"/converse$", Endpoint("converse", "bedrock", LLM, True)),
    (r"/agentaliases/[^/]+/sessions/[^/]+/text$", Endpoint("invoke-agent", "bedrock_agents", LLM, True)),
    (r"/retrieveandgenerate(stream)?$", Endpoint("retrieve-and-generate", "bedrock_agents", LLM, True)),
    (r"/embed[^/]*/invoke$|[.-]embed[^/]*/invoke$", Endpoint("invoke", None, EMBEDDING, True)),
    (r"/invoke$", Endpoint("invoke", None, LLM, True)),
    (r"/invoke-with-response-stream$", Endpoint("invoke-stream", None, LLM, True)),
    (r"/guardrail/.*/apply$", _passive("guardrail")),
    (r"/api/chat$", Endpoint("chat", "ollama", LLM, True)),
    (r"/api/generate$", Endpoint("generate", "ollama", LLM, True)),
    (r"/v\d+/chat$", Endpoint("chat", None, LLM, True)),
    (
        r"/v\d+/generate$|/generation/text(_stream)?$|/text/(chat|generation)(_stream)?$",
        Endpoint("generate", None, LLM, True),
    ),
    (r"/aigc/[a-z-]+/generation$", Endpoint("generate", None, LLM, True)),
    (r"/accounts/[^/]+/ai/run/", Endpoint("run", "native", LLM, True)),
    (r"/predictions$", Endpoint("predictions", "native", LLM, True)),
    (r"/predictions/", _passive("predictions-item")),
    (r"/models(/|$)|/foundation-models|/api/(tags|show|ps|version)$|/available-models", _passive("models")),
)


@lru_cache(maxsize=1)
def _compiled() -> tuple[tuple[re.Pattern[str], Endpoint], ...]:
    return tuple((re.compile(pattern), endpoint) for pattern, endpoint in ROWS)


@lru_cache(maxsize=4096)
def find(method: str, path: str) -> Endpoint:
    """The endpoint of an unquoted path without its query.

    Only what asks for an answer bills: a GET that fetches a stored answer shows the same usage a second time.
    """
    lowered = path.lower().rstrip("/")
    for pattern, endpoint in _compiled():
        if pattern.search(lowered):
            return (
                endpoint if method in CALLING or not endpoint.billable else endpoint._replace(billable=False, kind=SPAN)
            )
    return OTHER
