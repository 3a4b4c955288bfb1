"""What a wire format means: a table of providers, one file a dialect."""
