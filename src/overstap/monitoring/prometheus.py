"""Client of the HTTP API of Prometheus, which other servers have as well (https://prometheus.io/docs/prometheus/3.5/querying/api/)."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx

from overstap.errors import OverstapError

_SECONDS = 30.0
_PORTS = 65_536
_MOST_BYTES = 20_000_000
"""Of one answer: the dashboard's queries have some kilobytes."""
_LONGEST_LABEL = 200
_LARGEST = 1e15
"""Whatever is counted here: larger numbers cannot be drawn, and are none of ours."""


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one set of labels.

    Args:
        labels: the labels.
        points: seconds since 1970, and the value; only numbers, in the order of time.
    """

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]


class Prometheus:
    """A server that answers PromQL.

    Args:
        address: its URL, such as "http://127.0.0.1:9090", with the path below which `/api/v1` is.

    Raises:
        OverstapError: METRICS-001 when it is no such URL, or holds a password, which everybody on a machine could read
            in the list of its processes.
    """

    def __init__(self, address: str) -> None:
        try:
            url = httpx.URL(address)
            is_right = (
                url.scheme in ("http", "https")
                and bool(url.host)
                and not url.userinfo
                and not url.query
                and 0 < (url.port or 1) < _PORTS
            )
        except httpx.InvalidURL:
            is_right = False
        if not is_right:
            raise OverstapError("METRICS-001")
        self.address = address.rstrip("/")
        self._http = httpx.Client(timeout=_SECONDS, headers={"accept": "application/json"})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def at(self, query: str, moment: datetime) -> list[Series]:
        """Return the series of a query at one moment, each with one point.

        Args:
            query: PromQL.
            moment: the moment, aware.

        Raises:
            OverstapError: METRICS-002 when the server does not answer, METRICS-003 when it refuses the query or answers
                otherwise than Prometheus' API does.
        """
        answer = self._ask("query", {"query": query, "time": moment.timestamp()})
        return self._read(answer, "vector", "value", lambda point: [point])

    def between(self, query: str, first: datetime, last: datetime, step: int) -> list[Series]:
        """Return the series of a query over a period.

        Args:
            query: PromQL.
            first: beginning, aware.
            last: end, aware.
            step: seconds between two points.

        Raises:
            OverstapError: as `at`.
        """
        period = {"start": first.timestamp(), "end": last.timestamp(), "step": step}
        found = self._read(self._ask("query_range", {"query": query, **period}), "matrix", "values", list)
        early, late = first.timestamp() - step, last.timestamp() + step
        return [Series(one.labels, [point for point in one.points if early <= point[0] <= late]) for one in found]

    def _ask(self, what: str, parameters: Mapping[str, str | float]) -> Any:
        body = bytearray()
        try:
            with self._http.stream("GET", f"{self.address}/api/v1/{what}", params=dict(parameters)) as answer:
                for part in answer.iter_bytes():
                    body += part
                    if len(body) > _MOST_BYTES:
                        raise self._refused(answer.status_code)
                status = answer.status_code
        except (httpx.HTTPError, OSError) as error:
            raise OverstapError("METRICS-002", address=self.address, kind=type(error).__name__) from None
        try:
            read = json.loads(body)
        except (ValueError, RecursionError):
            raise self._refused(status) from None
        if status != httpx.codes.OK or not isinstance(read, dict) or read.get("status") != "success":
            raise self._refused(status)
        return read.get("data")

    def _read(self, data: Any, kind: str, key: str, points: Callable[[Any], list[Any]]) -> list[Series]:
        try:
            if data["resultType"] != kind:
                raise ValueError
            return [
                Series(
                    {str(name): _printable(value) for name, value in one["metric"].items()},
                    [found for point in points(one[key]) if (found := _point(point)) is not None],
                )
                for one in data["result"]
            ]
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            raise self._refused(httpx.codes.OK) from None

    def _refused(self, status: int) -> OverstapError:
        return OverstapError("METRICS-003", address=self.address, status=status)


def _printable(value: object) -> str:
    """Return a label's value, shortened, without what no file can hold (half a surrogate pair)."""
    return str(value)[:_LONGEST_LABEL].encode(errors="replace").decode()


def _point(point: Any) -> tuple[float, float] | None:
    """Return moment and value; None for what is no number (NaN, infinity)."""
    moment, value = (float(one) for one in point)
    if not math.isfinite(value):
        return None
    if not math.isfinite(moment) or abs(value) > _LARGEST:
        raise ValueError
    return moment, value
