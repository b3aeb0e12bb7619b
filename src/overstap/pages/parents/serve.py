"""Server process of the parents' pages: uvicorn with limits, a process pool for PDFs, a log without personal data."""

import gc
import logging
import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor

import uvicorn

from overstap.pages.parents.app import Site, build_app
from overstap.pages.parents.store import ReviewStore
from overstap.pages.shared.bounds import BoundedProtocol
from overstap.telemetry.asgi import Traced
from overstap.telemetry.export import http_recorder
from overstap.telemetry.logs import LogFormat, configure_logs

MAX_CONNECTIONS = 1_000
_KEEP_ALIVE_SECONDS = 15


def serve(dsn: str, *, host: str, port: int, address: str, proxy: str | None, log_format: LogFormat = "text") -> None:
    """Serve the pages until the process is stopped.

    Args:
        dsn: connection string of the login `overstap_review`.
        host: address to listen on.
        port: port to listen on.
        address: public URL of the pages; with `https://` cookies are sent over HTTPS only.
        proxy: address of the reverse proxy whose X-Forwarded-For is trusted; None when there is none.
        log_format: form of the log.
    """
    configure_logs("review", log_format)
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # its messages hold the connection string
    workers = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_the_service)
    site = Site(is_secure=address.startswith("https://"))
    app = Traced(build_app(ReviewStore(dsn), site, workers), http_recorder("review"))
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=BoundedProtocol,
        loop="auto",
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=True,
        proxy_headers=proxy is not None,
        forwarded_allow_ips=proxy,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=10,
        backlog=512,
    )
    # Objects loaded so far are excluded from garbage collection, whose full passes would delay requests.
    gc.collect()
    gc.freeze()
    try:
        uvicorn.Server(config).run()
    finally:
        workers.shutdown(cancel_futures=True)


def _end_with_the_service() -> None:
    """End a worker when its parent process ends for any reason; otherwise it would wait for work forever."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
