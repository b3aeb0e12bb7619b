"""Contact for reporting vulnerabilities: `/.well-known/security.txt` (RFC 9116)."""

from datetime import timedelta

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response

from overstap.clock import now
from overstap.settings import Settings

SECURITY_TXT = "/.well-known/security.txt"
_HOLDS = timedelta(days=90)


def security_txt(settings: Settings) -> Response:
    """Return security.txt.

    Args:
        settings: with OVERSTAP_SECURITY_CONTACT, such as `mailto:veilig@example.nl`.

    Raises:
        HTTPException: 404 when no contact is set.
    """
    contact = settings.security_contact
    if not contact or not contact.isprintable():
        raise HTTPException(404)
    until = (now() + _HOLDS).strftime("%Y-%m-%dT%H:%M:%SZ")
    return PlainTextResponse(f"Contact: {contact}\nExpires: {until}\nPreferred-Languages: nl, en\n")
