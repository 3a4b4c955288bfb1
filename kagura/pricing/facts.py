"""What a call shows that its price depends on, beside its usage: region, speed, picture size, depth of search.

Every fact is a row: where it stands. Variants of a price name facts in their `context`.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from kagura.model import Call

TIER = "tier"
"""The fact that is a service tier, where `usage.service_tier` does not name one."""

REGION = "region"

USAGE_FACTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("inference_geo", ("inference_geo",)),
    (TIER, ("speed",)),
    (TIER, ("trafficType",)),
    ("search_context_size", ("search_context_size",)),
)
"""Facts that the usage object states: Anthropic's inference_geo and speed, Vertex's traffic, Perplexity's search."""

REQUEST_FACTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("search_context_size", ("web_search_options", "search_context_size")),
    ("search_context_size", ("tools", "*", "search_context_size")),
    ("search_type", ("web_search_options", "search_type")),
    ("quality", ("quality",)),
    ("size", ("size",)),
    ("size", ("generationConfig", "imageConfig", "imageSize")),
    ("size", ("parameters", "sampleImageSize")),
    ("resolution", ("resolution",)),
)
"""Facts that the request states; `*` is any element of an array."""

DEFAULT_FACTS = (("images", "size", "1024x1024"), ("images", "quality", "standard"))
"""Endpoint, fact, and its value where a request leaves it out
(https://platform.openai.com/docs/api-reference/images/create, the DALL-E models)."""

ENDPOINT_TIERS = (("batch", "batch"),)
"""What an endpoint's name begins with, and the service tier of its calls."""

REGIONS: tuple[re.Pattern[str], ...] = (
    re.compile(r"^https?://([a-z]{2})\.api\.(?:openai\.com|x\.ai)(?:[:/]|$)"),
    re.compile(r"^https?://([a-z]{2})-api\.together\.ai(?:[:/]|$)"),
    re.compile(r"^https?://bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\.amazonaws\."),
    re.compile(r"/locations/([a-z0-9-]+)/"),
    re.compile(r"^https?://([a-z]+-[a-z]+\d+)-aiplatform\.googleapis\.com"),
)
"""Where addresses name a region: OpenAI, xAI, Together, Bedrock, Vertex."""

NO_REGION = frozenset(["global"])

MAX_LENGTH = 40
"""Longer values are no facts of a price list."""


def facts_of(call: Call, target: str = "", base_url: str = "") -> dict[str, str]:
    """The facts of a call that went to `target` (path and query) of `base_url`; values are in lower case.

    What the answer says comes before what the request asked for.
    """
    facts: dict[str, str] = {}
    raw = call.usage.raw if call.usage is not None else None
    for source, rows in ((raw, USAGE_FACTS), (call.parameters, REQUEST_FACTS)):
        if isinstance(source, dict):
            for name, path in rows:
                if path[0] in source and name not in facts and (value := _value(source, path)):
                    facts[name] = value
    for endpoint, name, value in DEFAULT_FACTS:
        if call.endpoint == endpoint:
            facts.setdefault(name, value)
    for beginning, tier in ENDPOINT_TIERS:
        if call.endpoint.startswith(beginning):
            facts[TIER] = tier
    if region := region_of(base_url + target):
        facts[REGION] = region
    return facts


@lru_cache(maxsize=4096)
def region_of(address: str) -> str | None:
    """The region that an address names; `None` for a worldwide one."""
    for pattern in REGIONS:
        if (found := pattern.search(address)) and found[1] not in NO_REGION:
            return found[1]
    return None


def _value(source: Mapping[str, Any], path: tuple[str, ...]) -> str | None:
    values: list[Any] = [source]
    for name in path:
        if name == "*":
            values = [item for value in values if isinstance(value, list) for item in value]
        else:
            values = [value.get(name) for value in values if isinstance(value, dict)]
    return next((value.lower() for value in values if isinstance(value, str) and 0 < len(value) <= MAX_LENGTH), None)
