"""Common frame of all web pages: template environment, stylesheet, icon."""

import hashlib
from functools import cache
from pathlib import Path

import jinja2

from overstap.resources import INCLUDE
from overstap.settings import Settings

STATIC = INCLUDE / "static"
_TEMPLATES = INCLUDE / "templates"


@cache
def environment() -> jinja2.Environment:
    """Return the Jinja environment: with autoescaping, and a missing variable is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals["static_version"] = _static_version(STATIC)
    made.globals["is_trial"] = Settings().trial
    return made


def _static_version(folder: Path) -> str:
    """Return a digest of the static files for their URLs, so that browsers may cache them until they change."""
    joined = b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())
    return hashlib.sha256(joined).hexdigest()[:12]
