"""Checks of the form of phone numbers and e-mail addresses."""

import re

# The characters of DUO's expression (official rule OG.01), anchored at both ends, with further rules of mail servers:
# no leading, trailing or double dot in the local part (RFC 5321 4.1.2, Dot-string), labels of at most 63 characters
# (RFC 1035 2.3.4), and a top-level domain of at least two characters that starts with a letter, which excludes IP
# addresses.
_E_MAIL = re.compile(
    r"(?=.{1,64}@)[a-zA-Z0-9!#$%*+=?^_`{|}~-]+(\.[a-zA-Z0-9!#$%*+=?^_`{|}~-]+)*"
    r"@([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z][a-zA-Z0-9-]{0,61}[a-zA-Z0-9]"
)
_PHONE = re.compile(r"0[1-9][0-9]{8}|(?:\+|00)[1-9][0-9]{6,13}")
_LAYOUT = str.maketrans("", "", " -()./")
_LONGEST = 254
"""Largest length of an address (RFC 5321 4.5.3.1.3: a path of 256 includes two brackets); the official rule has 256."""


def is_e_mail(text: str) -> bool:
    """Return whether a text as a whole is an e-mail address with a domain."""
    return len(text) <= _LONGEST and _E_MAIL.fullmatch(text) is not None


def is_phone(text: str) -> bool:
    """Return whether a text is a phone number: ten digits in the Netherlands, or with a country code."""
    if _PHONE.fullmatch(text) is not None:
        return True
    return len(text) <= _LONGEST and _PHONE.fullmatch(text.translate(_LAYOUT)) is not None
