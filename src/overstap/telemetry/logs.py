"""Log of a server process: lines of text, or JSON objects in the Elastic Common Schema."""

import logging
from typing import Literal

from overstap.telemetry.trace import trace_id

LogFormat = Literal["text", "json"]
_ALARMS = "overstap.alarm"


def configure_logs(service: str, form: LogFormat) -> None:
    """Write the log of this process to standard error.

    Args:
        service: name of the service, such as "review".
        form: lines of text, or one JSON object per line with the trace id of the request.

    Raises:
        ModuleNotFoundError: ecs-logging is not installed (extra `telemetry`), for JSON.
    """
    if form == "text":
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
        return
    handler = logging.StreamHandler()
    handler.addFilter(_with_trace)
    handler.setFormatter(_formatter(service))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _with_trace(record: logging.LogRecord) -> bool:
    if trace := trace_id():
        record.__dict__["trace.id"] = trace
    return True


def _formatter(service: str) -> logging.Formatter:
    import ecs_logging

    class EcsFormatter(ecs_logging.StdlibFormatter):
        """ECS lines; an alarm is such an object already."""

        def format(self, record: logging.LogRecord) -> str:
            return record.getMessage() if record.name == _ALARMS else str(super().format(record))

    return EcsFormatter(extra={"service.name": f"overstap-{service}"}, exclude_fields=["process", "log.original"])
