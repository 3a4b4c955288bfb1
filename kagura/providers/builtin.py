"""The providers that kagura knows from the start, one row each.

Sources are the providers' own API references and recorded traffic; `include_usage` is set only where the API accepts
the field, and not where usage comes unasked anyway (DeepSeek, Mistral, OpenRouter, Together, Hugging Face, …): a usage
chunk that the provider sends of its own accord belongs to the client. `translate` leaves out what the provider's own
OpenAI-style API does well; Anthropic means its own for comparing models, not for lasting use, and it knows no caching
(https://platform.claude.com/docs/en/api/openai-sdk).
"""

from kagura.providers.row import Provider

ROWS = (
    Provider(name="openai", base_url="https://api.openai.com", api_key_env="OPENAI_API_KEY", include_usage=True),
    Provider(name="chatgpt", base_url="https://chatgpt.com/backend-api/codex", openai_root=""),
    Provider(
        name="anthropic",
        base_url="https://api.anthropic.com",
        dialect="anthropic",
        api_key_env="ANTHROPIC_API_KEY",
        auth="x-api-key",
        headers={"anthropic-version": "2023-06-01"},
        translate=["chat/completions", "responses"],
    ),
    Provider(
        name="gemini",
        base_url="https://generativelanguage.googleapis.com",
        dialect="gemini",
        api_key_env="GEMINI_API_KEY",
        auth="x-goog-api-key",
        openai_root="/v1beta/openai",
        translate=["responses"],
        litellm_path="/v1beta",
        reasoning_in_total_only=True,
    ),
    Provider(
        name="azure", api_key_env="AZURE_OPENAI_API_KEY", auth="api-key", include_usage=True, openai_root="/openai/v1"
    ),
    Provider(
        name="openrouter",
        base_url="https://openrouter.ai/api",
        api_key_env="OPENROUTER_API_KEY",
        vendor_models=True,
    ),
    Provider(
        name="groq",
        base_url="https://api.groq.com/openai",
        api_key_env="GROQ_API_KEY",
        include_usage=True,
        vendor_models=True,
    ),
    Provider(
        name="mistral",
        base_url="https://api.mistral.ai",
        api_key_env="MISTRAL_API_KEY",
        audio_outside_input=True,
    ),
    Provider(
        name="deepseek",
        base_url="https://api.deepseek.com",
        api_key_env="DEEPSEEK_API_KEY",
    ),
    Provider(
        name="xai",
        base_url="https://api.x.ai",
        api_key_env="XAI_API_KEY",
        include_usage=True,
        reasoning_outside_output=True,
    ),
    Provider(
        name="together",
        base_url="https://api.together.xyz",
        api_key_env="TOGETHER_API_KEY",
        vendor_models=True,
    ),
    Provider(
        name="fireworks",
        base_url="https://api.fireworks.ai/inference",
        api_key_env="FIREWORKS_API_KEY",
        include_usage=True,
        vendor_models=True,
    ),
    Provider(
        name="perplexity",
        base_url="https://api.perplexity.ai",
        api_key_env="PERPLEXITY_API_KEY",
        openai_root="",
        vendor_models=True,
    ),
    Provider(
        name="cohere",
        base_url="https://api.cohere.com",
        dialect="cohere",
        api_key_env="COHERE_API_KEY",
        openai_root="/compatibility/v1",
        translate=["responses"],
        litellm_name="cohere_chat",
        litellm_path="/v2/chat",
    ),
    Provider(
        name="ollama",
        base_url="http://127.0.0.1:11434",
        dialect="ollama",
        include_usage=True,
        vendor_models=True,
    ),
    Provider(name="vllm", base_url="http://127.0.0.1:8000", include_usage=True, vendor_models=True),
    Provider(name="lmstudio", base_url="http://127.0.0.1:1234", include_usage=True, vendor_models=True),
    Provider(name="cerebras", base_url="https://api.cerebras.ai", api_key_env="CEREBRAS_API_KEY", include_usage=True),
    Provider(name="zai", base_url="https://api.z.ai/api/paas", api_key_env="ZAI_API_KEY", openai_root="/v4"),
    Provider(
        name="vercel",
        base_url="https://ai-gateway.vercel.sh",
        api_key_env="AI_GATEWAY_API_KEY",
        include_usage=True,
        vendor_models=True,
    ),
    Provider(
        name="huggingface",
        base_url="https://router.huggingface.co",
        api_key_env="HF_TOKEN",
        vendor_models=True,
    ),
    Provider(
        name="moonshot",
        base_url="https://api.moonshot.ai",
        api_key_env="MOONSHOT_API_KEY",
        include_usage=True,
    ),
    Provider(
        name="bedrock",
        dialect="bedrock",
        api_key_env="AWS_BEARER_TOKEN_BEDROCK",
        openai_root="/openai/v1",
        translate=["chat/completions", "responses", "embeddings"],
        cloud_credentials=[
            "AWS_ACCESS_KEY_ID",
            "AWS_PROFILE",
            "AWS_ROLE_ARN",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ],
    ),
    Provider(name="bedrock-mantle", api_key_env="AWS_BEARER_TOKEN_BEDROCK", vendor_models=True),
    Provider(
        name="vertex",
        dialect="gemini",
        reasoning_in_total_only=True,
        translate=["chat/completions", "responses", "embeddings"],
        litellm_name="vertex_ai",
        cloud_credentials=["GOOGLE_APPLICATION_CREDENTIALS", "VERTEXAI_CREDENTIALS", "VERTEXAI_PROJECT"],
        vendor_models=True,
    ),
    Provider(name="databricks", api_key_env="DATABRICKS_TOKEN", openai_root="/serving-endpoints"),
    Provider(name="snowflake", api_key_env="SNOWFLAKE_PAT", openai_root="/api/v2/cortex/v1"),
    Provider(name="cloudflare", api_key_env="CLOUDFLARE_API_TOKEN", vendor_models=True),
    Provider(name="voyage", base_url="https://api.voyageai.com", api_key_env="VOYAGE_API_KEY"),
    Provider(
        name="litellm",
        base_url="http://127.0.0.1:4000",
        include_usage=True,
        cost_header="x-litellm-response-cost",
        vendor_models=True,
    ),
    Provider(name="portkey", base_url="https://api.portkey.ai", api_key_env="PORTKEY_API_KEY", vendor_models=True),
    Provider(
        name="pydantic-gateway", base_url="https://gateway.pydantic.dev", api_key_env="PYDANTIC_AI_GATEWAY_API_KEY"
    ),
    Provider(name="deepgram", base_url="https://api.deepgram.com", api_key_env="DEEPGRAM_API_KEY"),
    Provider(
        name="replicate",
        base_url="https://api.replicate.com",
        api_key_env="REPLICATE_API_TOKEN",
        vendor_models=True,
    ),
    Provider(name="watsonx", api_key_env="WATSONX_API_KEY", vendor_models=True),
    Provider(name="writer", base_url="https://api.writer.com", api_key_env="WRITER_API_KEY", include_usage=True),
    Provider(
        name="avian",
        base_url="https://api.avian.io",
        api_key_env="AVIAN_API_KEY",
        include_usage=True,
        vendor_models=True,
    ),
    Provider(
        name="crusoe",
        base_url="https://api.inference.crusoecloud.com",
        api_key_env="CRUSOE_API_KEY",
        include_usage=True,
        vendor_models=True,
    ),
    Provider(name="charm-hyper", base_url="https://hyper.charm.land", api_key_env="HYPER_API_KEY", vendor_models=True),
    Provider(
        name="nvidia",
        base_url="https://integrate.api.nvidia.com",
        api_key_env="NVIDIA_API_KEY",
        include_usage=True,
        vendor_models=True,
    ),
    Provider(
        name="deepinfra",
        base_url="https://api.deepinfra.com",
        api_key_env="DEEPINFRA_API_KEY",
        include_usage=True,
        openai_root="/v1/openai",
        vendor_models=True,
    ),
    Provider(
        name="sambanova", base_url="https://api.sambanova.ai", api_key_env="SAMBANOVA_API_KEY", include_usage=True
    ),
    Provider(name="ai21", base_url="https://api.ai21.com", api_key_env="AI21_API_KEY", openai_root="/studio/v1"),
    Provider(name="github-copilot", base_url="https://api.githubcopilot.com", openai_root=""),
)
