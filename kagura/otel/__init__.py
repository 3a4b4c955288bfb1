"""OpenTelemetry: what other programs report to kagura over OTLP, and what kagura reports to others."""
