"""Server process of the parents' pages: uvicorn with limits, a pool for PDFs, a log without personal data."""

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

MAX_CONNECTIONS = 1_000
_KEEP_ALIVE_SECONDS = 15


def serve(dsn: str, *, host: str, port: int, address: str, proxy: str | None) -> None:
    """Serve the pages until the process is told to end.

    Args:
        dsn: connection string of the login `overstap_review`.
        host: where to listen.
        port: likewise.
        address: where a browser finds the pages; with `https://` cookies are sent by HTTPS only.
        proxy: address of the proxy in front that tells whence a visitor comes; None when there is none.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # it writes the connection's words
    workers = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_the_service)
    app = build_app(ReviewStore(dsn), Site(is_secure=address.startswith("https://")), workers)
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
    # What is loaded by now stays: else the collector walks all of it now and then, and everybody waits meanwhile.
    gc.collect()
    gc.freeze()
    try:
        uvicorn.Server(config).run()
    finally:
        workers.shutdown(cancel_futures=True)


def _end_with_the_service() -> None:
    """End a worker when the service dies, however it dies: it would wait for work for ever."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
