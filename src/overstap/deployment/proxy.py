"""Configuration of nginx as reverse proxy of a deployment, from include/templates/deployment."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jinja2

from overstap.deployment.choices import Choices
from overstap.resources import INCLUDE


def configuration(choices: Choices, *, certificates: Path, http_port: int = 80, https_port: int = 443) -> str:
    """Return nginx's configuration: three server names, each proxied to its port on 127.0.0.1.

    Args:
        choices: names and ports.
        certificates: folder with `<name>.crt` and `<name>.key`.
        http_port: port on which nginx redirects to HTTPS.
        https_port: port on which nginx listens with TLS.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(INCLUDE / "templates" / "deployment"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  no page: names and ports that `Choices` has checked
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("nginx.conf.j2").render(
        certificates=certificates,
        http_port=http_port,
        https_port=https_port,
        board=_site(choices.address, choices.board_port, "Airflow and the board", body="12m", log=True, streams=True),
        review=_site(choices.review_address, choices.review_port, "The parents' pages", body="64k", log=False),
        school=_site(
            *(choices.school_address, choices.school_port, "The schools' pages"),
            body=f"{_TYPED_STEP_MEGABYTES}m",
            log=True,
            unlogged=("/uitnodiging/", "/schoolaccount/"),
        ),
    )


_TYPED_STEP_MEGABYTES = 24
"""A step with three attachments of the largest size: what is larger nginx refuses, and what was typed is lost."""


def _site(
    address: str,
    port: int,
    what: str,
    *,
    body: str,
    log: bool,
    streams: bool = False,
    unlogged: tuple[str, ...] = (),
) -> dict[str, Any]:
    host = urlsplit(address).hostname
    return {
        "host": host,
        "port": port,
        "what": what,
        "max_body": body,
        "keeps_log": log,
        "streams": streams,
        "unlogged": unlogged,
        "read_timeout": "120s",
    }
