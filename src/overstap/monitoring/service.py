"""Service that exports the ledger's metrics until it is stopped."""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from overstap import clock
from overstap.errors import OverstapError
from overstap.ledger.metrics import METRICS, Values, read
from overstap.ledger.read_only import ReadOnlyLedger
from overstap.telemetry.export import ENDPOINTS, start_metrics

_TOGETHER_SECONDS = 5.0
"""Metrics that are collected within this time come from one reading of the ledger."""


class LedgerMetrics:
    """Gauges of the ledger, read anew at each collection.

    Args:
        ledger: the ledger, with the login overstap_watch.
        at: the clock.
    """

    def __init__(self, ledger: ReadOnlyLedger, at: Callable[[], datetime] = clock.now) -> None:
        self._ledger = ledger
        self._at = at
        self._values: Values = {}
        self._read_at = float("-inf")
        self._lock = threading.Lock()

    def register(self, meter: metrics.Meter) -> None:
        """Register a gauge for each metric.

        Args:
            meter: of the provider that collects them.
        """
        for name, (unit, description) in METRICS.items():
            meter.create_observable_gauge(name, [self._observer(name)], unit=unit, description=description)

    def values(self) -> Values:
        """Return the values, read within the last seconds."""
        with self._lock:
            if time.monotonic() - self._read_at > _TOGETHER_SECONDS:
                self._values = read(self._ledger, self._at)
                self._read_at = time.monotonic()
            return self._values

    def _observer(self, name: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(options: CallbackOptions) -> Iterable[Observation]:
            return [Observation(float(one.value), one.attributes) for one in self.values().get(name, ())]

        return observe


def serve(dsn: str, stopped: threading.Event) -> None:
    """Export the ledger's metrics until stopped.

    Args:
        dsn: libpq connection string of the login overstap_watch.
        stopped: set to stop.

    Raises:
        OverstapError: SETTING-001 when no endpoint is set.
    """
    if not start_metrics("ledger"):
        raise OverstapError("SETTING-001", setting=ENDPOINTS[0])
    ledger = ReadOnlyLedger(dsn)
    try:
        LedgerMetrics(ledger).register(metrics.get_meter("overstap"))
        stopped.wait()
        metrics.get_meter_provider().shutdown()  # type: ignore[attr-defined]  # ours; it exports once more
    finally:
        ledger.close()
