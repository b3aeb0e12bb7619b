"""Server process of the schools' pages: uvicorn with limits, a log without personal data."""

import logging
from collections.abc import Callable

import uvicorn

from overstap.ledger import open_ledger
from overstap.pages.school.app import build_app
from overstap.pages.school.desk import SchoolDesk
from overstap.pages.shared.bounds import BoundedProtocol
from overstap.settings import Settings

MAX_CONNECTIONS = 200


def serve(settings: Settings, *, host: str, port: int, is_secure: bool, workbook: Callable[[str, str], bytes]) -> None:
    """Serve the pages until the process is told to end.

    Args:
        settings: ledger, keys, the address of the parents' pages, and where the keys are with which proof is signed.
        host: where to listen.
        port: likewise.
        is_secure: whether visitors come by HTTPS (a proxy in front): cookies are sent by HTTPS only.
        workbook: makes the workbook of a list of faults, of its CSV and a title; the quality stage's.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for name in ("fpdf", "fontTools"):
        logging.getLogger(name).setLevel(logging.ERROR)  # their warnings name letters, and a letter is of a name
    desk = SchoolDesk(
        lambda: open_ledger(settings),
        trust=settings.trust,
        production=settings.production,
        address=settings.review_address,
        workbook=workbook,
    )
    config = uvicorn.Config(
        build_app(desk, is_secure=is_secure),
        host=host,
        port=port,
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=settings.review_proxy is not None,
        forwarded_allow_ips=settings.review_proxy,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=10,
    )
    uvicorn.Server(config).run()
