"""The product with no API key: a stand-in provider, and a small agent that calls it through the proxy."""
