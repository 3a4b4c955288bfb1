"""kagura shows what LLM agents do, what it costs and where the time goes."""

__version__ = "0.1.0"
