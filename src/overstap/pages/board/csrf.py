"""Protection of the board's forms against cross-site request forgery, by signed form tokens."""

from fastapi import Request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from overstap.pages.board.person import BoardUser

LASTS_SECONDS = 3600


def form_token(secret: str, person: BoardUser, about: str) -> str:
    """Return the token of a form.

    Args:
        secret: see `AirflowPort.secret`.
        person: the account to which the form is shown.
        about: the object that it changes, such as a round and a school.
    """
    return _signer(secret).dumps([person.key, about])


def is_valid(secret: str, person: BoardUser, about: str, given: str) -> bool:
    """Tell whether a token was made for this account and this change within the last hour."""
    try:
        content = _signer(secret).loads(given, max_age=LASTS_SECONDS)
    except BadSignature:
        return False
    return bool(content == [person.key, about])


def is_submitted(request: Request, secret: str, person: BoardUser, about: str, given: str) -> bool:
    """Tell whether a form was sent from a page of ours, with the token that this account got for this change.

    Args:
        request: the request with the form.
        secret: see `AirflowPort.secret`.
        person: the account that sent it.
        about: the object that it changes, as for `form_token`.
        given: the token that came with it.
    """
    return is_own_page(request) and is_valid(secret, person, about, given)


def is_own_page(request: Request) -> bool:
    """Tell whether a browser sent a form from a page of the same origin (Fetch Metadata; where absent, Origin)."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")


def _signer(secret: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret, salt="overstap.board.form")
