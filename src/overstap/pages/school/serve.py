"""Server process of the schools' pages: uvicorn with limits, a log without personal data."""

import logging
from collections.abc import Callable

import uvicorn

from overstap.key_client import KeyClient
from overstap.ledger import open_ledger
from overstap.pages.school.app import build_app
from overstap.pages.school.federation import federation_of
from overstap.pages.school.operations import SchoolOperations
from overstap.pages.shared.bounds import BoundedProtocol
from overstap.pki import TrustStore
from overstap.review.proof import ProofSigning, signing_by_service, signing_by_trust
from overstap.settings import Settings
from overstap.telemetry.asgi import Traced
from overstap.telemetry.export import http_recorder
from overstap.telemetry.logs import configure_logs

MAX_CONNECTIONS = 200


def serve(settings: Settings, *, host: str, port: int, is_secure: bool, workbook: Callable[[str, str], bytes]) -> None:
    """Serve the pages until the process is stopped.

    Args:
        settings: with the ledger, the address of the parents' pages, and the key service; or keys and trust folder.
        host: address to listen on.
        port: port to listen on.
        is_secure: whether visitors come by HTTPS (a proxy in front): cookies are then sent over HTTPS only.
        workbook: returns a list of faults as a workbook (XLSX), from its CSV and a title.
    """
    configure_logs("school", settings.log_format)
    for name in ("fpdf", "fontTools"):
        logging.getLogger(name).setLevel(
            logging.ERROR
        )  # their warnings name missing glyphs, which are letters of a pupil's name
    operations = SchoolOperations(
        lambda: open_ledger(settings),
        signing=_proof_signing(settings),
        address=settings.review_address,
        workbook=workbook,
        needs_factor=settings.schools_need_second_factor,
        origin=settings.school_address,
    )
    config = uvicorn.Config(
        Traced(build_app(operations, is_secure=is_secure, federation=federation_of(settings)), http_recorder("school")),
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


def _proof_signing(settings: Settings) -> ProofSigning | None:
    if settings.key_service:
        return signing_by_service(KeyClient(settings.key_service))
    return signing_by_trust(TrustStore(settings.trust, production=settings.production)) if settings.trust else None
