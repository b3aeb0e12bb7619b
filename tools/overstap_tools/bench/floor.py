"""Endpoint for comparison, with a school's TLS, that reads a request and returns a fixed text: lower bound of delivery.

Run as `python -m overstap_tools.bench.floor <trust folder> <school> <port>`.
"""

import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from overstap import clock
from overstap.envelope.over_https import ENVELOPES as PATH
from overstap.envelope.receipt import MEDIA_TYPE
from overstap.pki import TrustStore
from overstap.transport.mtls_server import server_context
from overstap_tools.local.ports import LOOPBACK

ANSWER = b"\0" * 2_000
"""About as long as a receipt."""
COUNT_HEADER = "Bench-Envelopes"
"""Header of a request that says how many envelopes it has; one without it."""


async def take(request: Request) -> Response:
    """Read the body and answer, as long as a receipt for each envelope."""
    await request.body()
    return Response(ANSWER * int(request.headers.get(COUNT_HEADER, 1)), media_type=MEDIA_TYPE)


def main(trust: Path, school: str, port: int) -> None:
    """Serve until stopped.

    Args:
        trust: the certificate folder.
        school: whose TLS certificate to show.
        port: where to listen.
    """
    known, at = TrustStore(trust, production=False), clock.now()
    context = server_context(known.tls_identity(school, at=at), known, at=at)
    config = uvicorn.Config(
        Starlette(routes=[Route(PATH, take, methods=["POST"])]),
        host=LOOPBACK,
        port=port,
        http="h11",
        ws="none",
        lifespan="off",
        ssl_context_factory=lambda _config, _default: context,
        access_log=False,
        log_config=None,
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
