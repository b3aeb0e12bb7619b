"""Forms of phone numbers and e-mail addresses."""

import re

# DUO's expression (official rule OG.01), anchored at both ends.
_E_MAIL = re.compile(
    r"[a-zA-Z0-9!#$%*+=?^_`{|}~.-]{1,64}@[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?"
    r"(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)+"
)
_PHONE = re.compile(r"0[1-9][0-9]{8}|(?:\+|00)[1-9][0-9]{6,13}")
_LAYOUT = str.maketrans("", "", " -()./")
_LONGEST = 256


def is_e_mail(text: str) -> bool:
    """Say whether this is an e-mail address with a domain, as a whole."""
    return len(text) <= _LONGEST and _E_MAIL.fullmatch(text) is not None


def is_phone(text: str) -> bool:
    """Say whether this can be called: ten digits within the Netherlands, or with a country code."""
    if _PHONE.fullmatch(text) is not None:
        return True
    return len(text) <= _LONGEST and _PHONE.fullmatch(text.translate(_LAYOUT)) is not None
