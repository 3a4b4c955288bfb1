"""One row of the table of providers: what can be peculiar to an API, as data."""

from typing import Literal

import msgspec

Auth = Literal["authorization", "x-api-key", "x-goog-api-key", "api-key"]
"""The header that carries the key; under `authorization` it is a bearer token."""


class Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row: an API that calls can go to."""

    name: str
    base_url: str | None = None
    """Where calls go, without the version that a path brings along; `None` where it depends on the customer."""
    dialect: str = "openai"
    """What its own paths speak where a path alone does not say: `openai`, `anthropic`, `gemini`, `bedrock`, …"""
    api_key_env: str | None = None
    """The environment variable that usually holds the key."""
    auth: Auth = "authorization"
    headers: dict[str, str] = {}
    """Headers that every request needs."""
    include_usage: bool = False
    """Whether the API accepts `stream_options.include_usage`."""
    openai_root: str = "/v1"
    """Where the OpenAI-style API lives below `base_url`: it takes the place of the `/v1` of a client's path."""
    translate: list[str] = []
    """OpenAI-style endpoints that the API does not have, or has only in part: LiteLLM answers calls to them whose
    `model` names this provider. Such as `chat/completions`, `responses`, `embeddings`."""
    litellm_name: str | None = None
    """LiteLLM's name of the provider where it is not that of the dialect."""
    litellm_path: str = ""
    """What LiteLLM wants behind `base_url`."""
    cloud_credentials: list[str] = []
    """Environment variables of which any one says that the cloud's own SDK finds credentials on the proxy's machine."""
    cost_header: str | None = None
    """The answer's header that says what the provider bills, in US dollars."""
    vendor_models: bool = False
    """Model ids of this API themselves begin with `vendor/`, so that such a prefix names no other provider."""
    reasoning_outside_output: bool = False
    """Chat usage counts reasoning beside `completion_tokens`, not inside."""
    reasoning_in_total_only: bool = False
    """Chat usage shows reasoning only as what `total_tokens` exceeds its parts by."""
    audio_outside_input: bool = False
    """Usage counts audio beside `prompt_tokens`, not inside."""
