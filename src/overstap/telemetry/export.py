"""Export of metrics over OTLP/HTTP, set by OpenTelemetry's own environment variables."""

import os
import socket
from collections.abc import Callable

ENDPOINTS = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""Either switches the export on; OTEL_METRIC_EXPORT_INTERVAL is the interval in milliseconds, 60,000 without it."""
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Bounds of the histogram of durations, as the semantic conventions for HTTP advise."""
HttpRecorder = Callable[[str, int, float], None]
"""Records a request: its method, the status of its response, and its duration in seconds."""


def start_metrics(service: str) -> bool:
    """Start exporting the metrics of this process, where an endpoint is set.

    Args:
        service: name of the service, such as "review"; `service.name` is `overstap-<service>`.

    Returns:
        Whether an endpoint is set.

    Raises:
        ModuleNotFoundError: OpenTelemetry is not installed (extra `telemetry`), and an endpoint is set.
    """
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return False
    from opentelemetry import metrics
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource

    resource = Resource.create({"service.name": f"overstap-{service}", "service.instance.id": socket.gethostname()})
    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource=resource))
    return True


def http_recorder(service: str) -> HttpRecorder | None:
    """Start exporting, and return what records the requests of a server; None where no endpoint is set.

    Args:
        service: name of the service.

    Raises:
        ModuleNotFoundError: as `start_metrics`.
    """
    if not start_metrics(service):
        return None
    from opentelemetry import metrics

    durations = metrics.get_meter("overstap").create_histogram(
        "http.server.request.duration",
        unit="s",
        description="Duration of HTTP server requests.",
        explicit_bucket_boundaries_advisory=SECONDS,
    )

    def record(method: str, status: int, seconds: float) -> None:
        # No path: that of a page may hold a code, and anybody may invent others.
        durations.record(seconds, {"http.request.method": method, "http.response.status_code": status})

    return record
