"""Metrics by OpenTelemetry, log lines as JSON, and the trace id that both sides of a delivery log; no personal data."""
