"""What an identity provider's token says about how somebody signed in: RFC 8176 and OpenID Connect Core 1.0."""

from collections.abc import Collection, Mapping
from typing import Any

_FACTORS = {
    "pwd": "knows",
    "pin": "knows",
    "kba": "knows",
    "otp": "has",
    "hwk": "has",
    "swk": "has",
    "sc": "has",
    "sms": "has",
    "tel": "has",
    "face": "is",
    "fpt": "is",
    "iris": "is",
    "retina": "is",
    "vbm": "is",
}
"""Methods of authentication (`amr`) by the kind of factor that each is: RFC 8176, clause 2."""


def has_second_factor(claims: Mapping[str, Any], accepted: Collection[str]) -> bool:
    """Tell whether an ID token says that somebody signed in with two factors.

    Args:
        claims: of the ID token, whose signature was checked: `amr` lists the methods, `acr` names a level.
        accepted: the levels that mean two factors at this provider; a level that is none of them is no proof, and
            where any is accepted, methods are none either.
    """
    if accepted:
        return claims.get("acr") in accepted
    methods = claims.get("amr")
    if not isinstance(methods, list):
        return False
    return "mfa" in methods or len({_FACTORS[one] for one in methods if isinstance(one, str) and one in _FACTORS}) > 1
