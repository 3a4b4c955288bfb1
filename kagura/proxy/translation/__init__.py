"""OpenAI-style calls for providers that speak another dialect, answered through the LiteLLM library.

LiteLLM costs seconds to import and hundreds of megabytes, so it lives in a worker, a process of its own that starts
with the first call that needs it. The relay sends such a call to the worker as if that were the provider: recording,
streaming and cancelling are the same as for any other call.
"""
