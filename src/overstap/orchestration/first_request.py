"""First request to the part of the api-server that tasks talk to, so that the first task does not wait for it.

Airflow 3.3.2 makes that part, with a router for each version of its interface, when it is asked for the first time: 3.3
seconds of a processor, during which the api-server answers nobody. On a busy machine the first task of a round began
eleven seconds late.
"""

import logging
import threading
import time

import httpx
from airflow.configuration import conf

log = logging.getLogger(__name__)

_POLL_SECONDS = 1.0
_PATIENCE_SECONDS = 600.0
_ANSWER_SECONDS = 120.0


def begin() -> threading.Thread:
    """Ask in a thread, as soon as this api-server answers; what comes of it is logged and changes nothing."""
    asking = threading.Thread(target=_ask, args=[_address()], name="overstap first request", daemon=True)
    asking.start()
    return asking


def _address() -> str:
    """Return the address that tasks have: of the api-server, within its network."""
    base = conf.get("api", "base_url", fallback="http://localhost:8080")
    known = conf.get("core", "execution_api_server_url", fallback="") or f"{base.rstrip('/')}/execution/"
    return f"{known.rstrip('/')}/health"


def _ask(address: str) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    with httpx.Client(trust_env=False, timeout=_ANSWER_SECONDS) as client:
        while time.monotonic() < until:
            begin = time.monotonic()
            try:
                # Not read: an answer has no end that is known
                with client.stream("GET", address):
                    pass
            except (httpx.TransportError, httpx.InvalidURL):
                time.sleep(_POLL_SECONDS)
            else:
                log.info("the part for tasks was made ready in %.1f s", time.monotonic() - begin)
                return
    log.info("the part for tasks was not made ready: the api-server did not answer")
