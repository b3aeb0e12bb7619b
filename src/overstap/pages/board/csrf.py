"""Protection of forms against cross-site request forgery."""

from itsdangerous import BadSignature, URLSafeTimedSerializer

from overstap.pages.board.person import BoardUser

LASTS_SECONDS = 3600


def mark(secret: str, person: BoardUser, about: str) -> str:
    """Return the mark of a form.

    Args:
        secret: see `AirflowPort.secret`.
        person: who is shown it.
        about: what it changes, such as a round and school.
    """
    return _signer(secret).dumps([person.key, about])


def is_ours(secret: str, person: BoardUser, about: str, given: str) -> bool:
    """Tell whether a mark was made for this person and this change within the last hour."""
    try:
        said = _signer(secret).loads(given, max_age=LASTS_SECONDS)
    except BadSignature:
        return False
    return bool(said == [person.key, about])


def _signer(secret: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret, salt="overstap.board.form")
