"""How clients are told the proxy's address: variables, headers and flags, a row each.

Read from the clients' sources: openai, anthropic, google-genai, cohere, ollama, groq, litellm 1.10x, langchain,
pydantic-ai, gemini-cli 0.61, claude-code 2.1, codex 0.169, pi 0.73. docs/clients.md says it client by client.
"""

from typing import NamedTuple


class Variable(NamedTuple):
    """A variable that holds the base URL of a provider's client."""

    name: str
    provider: str
    path: str | None
    """What stands behind the proxy's address; `None` where only a value that the user has set is replaced."""


VARIABLES = (
    Variable("OPENAI_BASE_URL", "openai", "/v1"),
    Variable("OPENAI_API_BASE", "openai", "/v1"),
    Variable("ANTHROPIC_BASE_URL", "anthropic", ""),
    Variable("ANTHROPIC_API_BASE", "anthropic", ""),
    Variable("ANTHROPIC_API_URL", "anthropic", ""),
    Variable("GOOGLE_GEMINI_BASE_URL", "gemini", ""),
    Variable("GEMINI_API_BASE", "gemini", ""),
    Variable("GROQ_BASE_URL", "groq", "/groq"),
    Variable("GROQ_API_BASE", "groq", "/groq/openai/v1"),
    Variable("MISTRAL_API_BASE", "mistral", "/mistral/v1"),
    Variable("CO_API_URL", "cohere", "/cohere"),
    Variable("CO_BASE_URL", "cohere", "/cohere"),
    Variable("OLLAMA_HOST", "ollama", "/ollama"),
    Variable("OLLAMA_API_BASE", "ollama", "/ollama"),
    Variable("OLLAMA_BASE_URL", "ollama", None),
    Variable("DEEPSEEK_API_BASE", "deepseek", "/deepseek/beta"),
    Variable("XAI_API_BASE", "xai", "/xai/v1"),
    Variable("OPENROUTER_API_BASE", "openrouter", "/openrouter/v1"),
    Variable("TOGETHER_BASE_URL", "together", "/together/v1"),
    Variable("TOGETHER_AI_API_BASE", "together", "/together/v1"),
    Variable("FIREWORKS_API_BASE", "fireworks", "/fireworks/v1"),
    Variable("PERPLEXITY_BASE_URL", "perplexity", "/perplexity"),
    Variable("PERPLEXITY_API_BASE", "perplexity", "/perplexity"),
    Variable("CEREBRAS_BASE_URL", "cerebras", "/cerebras"),
    Variable("CEREBRAS_API_BASE", "cerebras", "/cerebras/v1"),
    Variable("SAMBANOVA_API_BASE", "sambanova", "/sambanova/v1"),
    Variable("MOONSHOT_API_BASE", "moonshot", "/moonshot/v1"),
    Variable("MOONSHOTAI_BASE_URL", "moonshot", "/moonshot/v1"),
    Variable("NVIDIA_NIM_API_BASE", "nvidia", "/nvidia/v1"),
    Variable("DEEPINFRA_API_BASE", "deepinfra", "/deepinfra/v1/openai"),
    Variable("ZAI_API_BASE", "zai", "/zai/v4"),
    Variable("VOYAGE_API_BASE", "voyage", "/voyage/v1"),
    Variable("VLLM_BASE_URL", "vllm", None),
    Variable("HOSTED_VLLM_API_BASE", "vllm", None),
    Variable("LM_STUDIO_API_BASE", "lmstudio", None),
    Variable("LITELLM_PROXY_API_BASE", "litellm", None),
    Variable("AZURE_OPENAI_ENDPOINT", "azure", None),
    Variable("AZURE_API_BASE", "azure", None),
)


class HeaderVariable(NamedTuple):
    """A variable that holds headers which a client sends with each call."""

    name: str
    separator: str


HEADER_VARIABLES = (
    HeaderVariable("OPENAI_CUSTOM_HEADERS", "\n"),
    HeaderVariable("ANTHROPIC_CUSTOM_HEADERS", "\n"),
    HeaderVariable("GEMINI_CLI_CUSTOM_HEADERS", ","),
)

SWITCHES = {"CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1"}
"""Variables that have a client say more, where the user has not set them: claude-code tells how long its tools took."""

OTLP_ENDPOINTS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
)
"""Variables that say where OpenTelemetry's exporters send to; the first is for whatever no other one names."""

OTLP_SWITCHES = {
    "OTEL_LOGS_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "none",
    "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
    "GEMINI_TELEMETRY_ENABLED": "true",
    "GEMINI_TELEMETRY_TARGET": "local",
    "GEMINI_TELEMETRY_OTLP_PROTOCOL": "http",
}
"""Variables that have a client tell over OTLP what it does, where the user has not set them; metrics are not taken."""


class Flagged(NamedTuple):
    """A program that reads no variable for the address, and takes it as a flag."""

    program: str
    package: str
    """Its name on npm, by which `npx` starts it."""
    setting: str
    """What `-c` sets to the value of `variable`."""
    variable: str
    config: tuple[str, str, str]
    """Variable and default of its folder, and the file in it where the user may have set it (TOML)."""
    key: str
    """A variable with a key, which makes it forget that the user has logged in."""
    login: tuple[str, str, str]
    """The command that tells how the user has logged in, a word of its answer, and the path to use then."""
    telemetry: tuple[str, str, str]
    """Table and name of what `-c` sets to have it tell over OTLP what it does, and the value, for an address."""


FLAGGED = (
    Flagged(
        "codex",
        "@openai/codex",
        "openai_base_url",
        "OPENAI_BASE_URL",
        config=("CODEX_HOME", "~/.codex", "config.toml"),
        key="CODEX_API_KEY",
        login=("login status", "ChatGPT", "/chatgpt"),
        # Its traces show the inside of the program, some thousand spans a turn: only its events are asked for.
        telemetry=("otel", "exporter", '{{ otlp-http = {{ endpoint = "{}/v1/logs", protocol = "binary" }} }}'),
    ),
)


class Extended(NamedTuple):
    """A program that reads no variable for the address, and loads a file that a flag names."""

    program: str
    packages: tuple[str, ...]
    """Its names on npm, by which `npx` starts it."""
    flag: str
    file: str
    """The file, which stands beside this one."""
    commands: tuple[str, ...]
    """First words after which it takes no such flag."""


EXTENDED = (
    Extended(
        "pi",
        ("@mariozechner/pi-coding-agent", "@earendil-works/pi-coding-agent"),
        "--extension",
        "pi_extension.js",
        ("install", "remove", "uninstall", "update", "list", "config"),
    ),
)


class SettingsFile(NamedTuple):
    """A file of settings, with the least say of all, that a client needs beside its variables."""

    variable: str
    """Names the file."""
    name: str
    content: str
    needs: str
    """Written only where this variable is set …"""
    unless: tuple[str, ...]
    """… and none of these is."""


SETTINGS_FILES = (
    SettingsFile(
        "GEMINI_CLI_SYSTEM_DEFAULTS_PATH",
        "gemini-cli.json",
        '{"security": {"auth": {"selectedType": "gemini-api-key"}}}',
        needs="GEMINI_API_KEY",
        unless=("GEMINI_CLI_SYSTEM_DEFAULTS_PATH", "GOOGLE_GENAI_USE_GCA", "GOOGLE_GENAI_USE_VERTEXAI"),
    ),
)
"""Without a chosen way to log in, gemini-cli takes a base URL for a gateway, and `gemini -p` then refuses to start."""
