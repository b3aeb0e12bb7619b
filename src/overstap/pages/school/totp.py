"""Codes of an authenticator app by time (TOTP, RFC 6238), and recovery codes for whoever lost it."""

import hmac
import re
import secrets
from datetime import datetime

import pyotp
import segno

ISSUER = "Overstap"
_SECRET_CHARACTERS = 32
"""160 bits in Base32, as RFC 4226 (4, R6) recommends."""
_SKEW_STEPS = 1
"""Steps of 30 seconds that the app's clock may differ (RFC 6238, 5.2)."""
_TOTP_CODE = re.compile(r"[0-9]{6}")
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's Base32: no letter that is read as another."""
_CODE_LETTERS, RECOVERY_CODES = 16, 10


def new_secret() -> str:
    """Return a new secret of a code app, in Base32."""
    return pyotp.random_base32(_SECRET_CHARACTERS)


def matching_step(secret: str, typed: str, at: datetime) -> int | None:
    """Return the time step of a typed code; None when it is no code of the present, or of half a minute around it.

    Args:
        secret: in Base32.
        typed: six digits, as `read_typed` returns them.
        at: the present moment, aware.
    """
    app = pyotp.TOTP(secret)
    now = int(at.timestamp()) // app.interval
    found = None
    for step in range(now - _SKEW_STEPS, now + _SKEW_STEPS + 1):
        if hmac.compare_digest(app.generate_otp(step), typed):
            found = step
    return found


def read_typed(typed: str) -> tuple[str, bool]:
    """Return a typed code without separators, and whether it is one of an app; else it is a recovery code.

    Args:
        typed: the text of the field.
    """
    plain = re.sub(r"[\s-]", "", typed)[:100].upper()
    if _TOTP_CODE.fullmatch(plain):
        return plain, True
    return plain.translate(str.maketrans("OIL", "011")), False


def new_recovery_codes() -> list[str]:
    """Return new recovery codes of 80 random bits, in groups of four letters."""
    made = []
    for _ in range(RECOVERY_CODES):
        letters = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LETTERS))
        made.append("-".join(letters[start : start + 4] for start in range(0, _CODE_LETTERS, 4)))
    return made


def qr_code(account: str, secret: str) -> str:
    """Return the QR code that an app reads, as SVG for an HTML page.

    Args:
        account: the login, which the app shows.
        secret: in Base32.
    """
    address = pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=ISSUER)
    return str(
        segno.make_qr(address, error="m").svg_inline(scale=5, border=4, light="#fff", svgclass="qr", omitsize=False)
    )
