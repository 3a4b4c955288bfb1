"""What calls show that prices depend on."""

from typing import Any

import pytest

from kagura.model import Call, SpanKind, Usage
from kagura.pricing.facts import facts_of, region_of


def call(raw: Any = None, parameters: dict[str, Any] | None = None, endpoint: str = "chat/completions") -> Call:
    return Call(endpoint=endpoint, kind=SpanKind.LLM, usage=Usage(raw=raw), parameters=parameters or {})


def test_the_usage_object_tells_where_and_how_fast_claude_ran() -> None:
    raw = {"input_tokens": 3, "inference_geo": "us", "speed": "fast", "service_tier": "standard"}
    assert facts_of(call(raw)) == {"inference_geo": "us", "tier": "fast"}


def test_google_names_the_traffic_type() -> None:
    assert facts_of(call({"trafficType": "PROVISIONED_THROUGHPUT"})) == {"tier": "provisioned_throughput"}


@pytest.mark.parametrize(
    ("parameters", "facts"),
    [
        ({"web_search_options": {"search_context_size": "low"}}, {"search_context_size": "low"}),
        ({"tools": [{"type": "x"}, {"search_context_size": "HIGH"}]}, {"search_context_size": "high"}),
        ({"size": "1024x1792", "quality": "hd"}, {"size": "1024x1792", "quality": "hd"}),
        ({"generationConfig": {"imageConfig": {"imageSize": "2K"}}}, {"size": "2k"}),
        ({"tools": {"*": 1}, "size": 7, "quality": "", "resolution": None}, {}),
        ({"size": "x" * 100}, {}),
    ],
)
def test_requests_tell_sizes_and_depths(parameters: dict[str, Any], facts: dict[str, str]) -> None:
    assert facts_of(call(parameters=parameters)) == facts


def test_the_answer_comes_before_the_request() -> None:
    asked = {"web_search_options": {"search_context_size": "high"}}
    assert facts_of(call({"search_context_size": "low"}, asked)) == {"search_context_size": "low"}


def test_pictures_have_a_size_where_none_is_asked_for() -> None:
    assert facts_of(call(endpoint="images")) == {"size": "1024x1024", "quality": "standard"}
    assert facts_of(call(endpoint="images", parameters={"size": "512x512"}))["size"] == "512x512"


def test_batches_are_a_tier() -> None:
    assert facts_of(call({"speed": "standard"}, endpoint="batches")) == {"tier": "batch"}


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("https://api.openai.com/v1/responses", None),
        ("https://eu.api.openai.com/v1/responses", "eu"),
        ("https://us.api.x.ai/v1", "us"),
        ("https://ca-api.together.ai/v1", "ca"),
        ("https://bedrock-runtime.eu-west-1.amazonaws.com/model/x/converse", "eu-west-1"),
        ("https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google/models/m:x", None),
        ("https://aiplatform.googleapis.com/v1/projects/p/locations/us-east5/publishers/google/models/m:x", "us-east5"),
        ("https://europe-west4-aiplatform.googleapis.com/v1/models/m", "europe-west4"),
        ("https://api.openai.com.example.org/v1", None),
    ],
)
def test_addresses_name_regions(address: str, region: str | None) -> None:
    assert region_of(address) == region


def test_the_region_may_stand_in_the_address_or_in_the_path() -> None:
    assert facts_of(call(), "/v1/chat/completions", "https://us.api.openai.com") == {"region": "us"}
    assert facts_of(call(), "/v1/projects/p/locations/us-east5/x", "") == {"region": "us-east5"}
    assert facts_of(Call(endpoint="files", kind=SpanKind.SPAN)) == {}
