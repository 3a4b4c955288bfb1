"""Names: which providers are the same, whose prices stand in for whose, and how a model's name may be spelled."""

import re
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import unquote

from kagura.pricing.rows import Clause

PROVIDERS = {
    "amazon": "bedrock",
    "anthropic-messages": "anthropic",
    "aws": "bedrock",
    "aws-bedrock": "bedrock",
    "aws.bedrock": "bedrock",
    "azure-ai": "azure",
    "azure-openai": "azure",
    "azure-text": "azure",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "bedrock-converse": "bedrock",
    "codestral": "mistral",
    "cohere-chat": "cohere",
    "dashscope-intl": "dashscope",
    "fireworks-ai": "fireworks",
    "fireworks-ai-embedding-models": "fireworks",
    "gcp.gemini": "gemini",
    "gcp.gen-ai": "gemini",
    "gcp.vertex-ai": "vertex",
    "google": "gemini",
    "google-ai-studio": "gemini",
    "hf": "huggingface",
    "jina-ai": "jina",
    "lambda-ai": "lambda",
    "lm-studio": "lmstudio",
    "meta-llama": "meta",
    "mistral-ai": "mistral",
    "mistralai": "mistral",
    "moonshot-ai": "moonshot",
    "moonshotai": "moonshot",
    "nvidia-nim": "nvidia",
    "perplexity-ai": "perplexity",
    "text-completion-codestral": "mistral",
    "text-completion-openai": "openai",
    "together-ai": "together",
    "togetherai": "together",
    "vercel-ai-gateway": "vercel",
    "vertex-ai": "vertex",
    "vertexai": "vertex",
    "voyage-ai": "voyage",
    "voyageai": "voyage",
    "x-ai": "xai",
    "z-ai": "zai",
    "zhipuai": "bigmodel",
}
"""Other names of providers, lower case, `_` as `-`: the sources', OpenTelemetry's and people's."""

LOCAL_PROVIDERS = frozenset(
    [
        *("ollama", "vllm", "lmstudio", "llamacpp", "llama.cpp", "llamafile", "lemonade", "localai", "local"),
        *("sglang", "tgi", "xinference", "mlx", "ramalama"),
    ]
)
"""Servers that people run themselves: nobody publishes what their answers cost."""

STAND_INS: dict[str, tuple[tuple[str, str], ...]] = {
    "azure": (("openai", ""), ("anthropic", "claude")),
    "vertex": (("gemini", "gemini"), ("gemini", "text-embedding"), ("anthropic", "claude")),
}
"""Hosts that sell a maker's models at the maker's prices: (maker, what the model's name starts with).

Azure lists OpenAI's global prices (https://azure.microsoft.com/pricing/details/cognitive-services/openai-service/), and
both clouds list Anthropic's (https://platform.claude.com/docs/en/about-claude/pricing#third-party-platform-pricing)."""

MAKERS: tuple[tuple[str, str], ...] = (
    ("openai", "gpt-"),
    ("openai", "chatgpt-"),
    ("openai", "o1"),
    ("openai", "o3"),
    ("openai", "o4"),
    ("openai", "text-embedding-3-"),
    ("openai", "text-embedding-ada-"),
    ("anthropic", "claude-"),
    ("gemini", "gemini-"),
)
"""Who alone makes models of such names, without open weights: their price holds behind a gateway nobody knows."""

OPEN_WEIGHTS = ("gpt-oss", "gpt-2")
"""Names that look like a maker's paid models, and which anybody may run."""

_SPACE = re.compile(r"\s+")
_RESOURCE = re.compile(r"^(?:.*/)?(?:models|routers|inference-profile|foundation-model|deployments)/(?=[^/])")
_BEDROCK_REGION = re.compile(r"^(?:us-gov|us|eu|apac|jp|au|ca|sa|me|af|il|in|uk|global)\.(?=[a-z0-9-]+\.)")
_BEDROCK_VERSION = re.compile(r"(?:-v\d+)?(?::\d+)(?::[\dkm]+)?$")
_FINE_TUNED = re.compile(r"^(ft:[^:]+):.*$")
_SAME_PRICE_SUFFIX = re.compile(r":(?:beta|default|latest|thinking)$")
_ALIAS_SUFFIX = re.compile(r"(?:@default|@latest|-latest)$")
_DAY = r"(20\d\d)-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])"
_DATED = re.compile(rf"[-@]{_DAY}(?=$|[-:@])")


@lru_cache(maxsize=1024)
def provider_name(name: str) -> str:
    """kagura's name of a provider, from anybody's."""
    name = _SPACE.sub("-", name.strip().lower()).replace("_", "-")
    if name.startswith("vertex-ai-"):
        return "vertex"
    return PROVIDERS.get(name, name)


def spellings(model: str, provider: str) -> list[str]:
    """The names under which a price list may have `model`, the most exact first, each once, in lower case.

    Paths, regions, dates and suffixes that do not change the price are taken off one after the other.
    """
    name = model.strip().lower()
    if "%" in name:
        name = unquote(name)
    found = [name]
    for rewrite in _REWRITES:
        for known in list(found):
            changed = rewrite(known, provider)
            if changed and changed not in found:
                found.append(changed)
    return found


def _without_resource(name: str, _: str) -> str:
    return _RESOURCE.sub("", name)


def _without_provider(name: str, provider: str) -> str:
    head, slash, rest = name.partition("/")
    return rest if slash and provider_name(head.lstrip("@")) == provider else name


def _without_region(name: str, _: str) -> str:
    return _BEDROCK_REGION.sub("", name)


def _without_suffix(name: str, _: str) -> str:
    return _SAME_PRICE_SUFFIX.sub("", _FINE_TUNED.sub(r"\1", name))


def _with_dashed_day(name: str, _: str) -> str:
    return _DATED.sub(r"-\1-\2-\3", name)


def _with_compact_day(name: str, _: str) -> str:
    return _DATED.sub(r"-\1\2\3", name)


def _without_day(name: str, _: str) -> str:
    return _DATED.sub("", name)


def _without_alias(name: str, _: str) -> str:
    return _ALIAS_SUFFIX.sub("", name)


def _without_version(name: str, _: str) -> str:
    return _BEDROCK_VERSION.sub("", name)


def _with_dashes(name: str, _: str) -> str:
    return name.replace(".", "-") if "claude" in name else name


_REWRITES: tuple[Callable[[str, str], str], ...] = (
    _without_resource,
    _without_provider,
    _without_suffix,
    _with_dashed_day,
    _with_compact_day,
    _without_alias,
    _without_region,
    _without_version,
    _without_day,
    _with_dashes,
)


def matches(clause: Clause, name: str) -> bool:
    """Whether `name`, in lower case, fulfils `clause`."""
    if clause.equals is not None:
        return name == clause.equals.lower()
    if clause.starts_with is not None:
        return name.startswith(clause.starts_with.lower())
    if clause.ends_with is not None:
        return name.endswith(clause.ends_with.lower())
    if clause.contains is not None:
        return clause.contains.lower() in name
    if clause.regex is not None:
        return re.search(clause.regex, name) is not None
    if clause.or_:
        return any(matches(part, name) for part in clause.or_)
    return bool(clause.and_) and all(matches(part, name) for part in clause.and_)
