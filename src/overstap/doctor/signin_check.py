"""Check of sign-in: reachability of the identity provider, or sign-in by password alone."""

import json
import urllib.request
from collections.abc import Iterator
from urllib.error import URLError
from urllib.parse import urlsplit

from overstap.doctor.finding import Finding, good, mind, wrong
from overstap.settings import Settings

_SECONDS = 10
_MAX_BYTES = 1_000_000


def findings(settings: Settings) -> Iterator[Finding]:
    """Yield the findings on the sign-in to Airflow."""
    issuer = settings.oidc_issuer
    if not issuer:
        if settings.production:
            do = "set OIDC_ISSUER and its client (docs/access.md): coordinators see pupils' files"
            yield mind("sign-in", "by password alone, without a second factor", do)
        return
    if not settings.oidc_client:
        yield wrong("sign-in", "an identity provider without a client", "set OIDC_CLIENT in .env (docs/access.md)")
    if urlsplit(issuer).scheme != "https":
        yield wrong("sign-in", "the identity provider is not reached by https", "set OIDC_ISSUER=https://... in .env")
        return
    where = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    do = "see whether the address is right and this machine may reach it"
    try:
        with urllib.request.urlopen(where, timeout=_SECONDS) as answer:  # noqa: S310  https, as checked
            said = json.loads(answer.read(_MAX_BYTES))
    except (URLError, TimeoutError, ValueError) as error:
        yield wrong("sign-in", f"the identity provider does not answer ({type(error).__name__})", do)
        return
    if said.get("issuer", "").rstrip("/") != issuer.rstrip("/"):
        yield wrong("sign-in", "the identity provider calls itself otherwise", "write OIDC_ISSUER as it does")
        return
    yield good("sign-in", "the identity provider answers")
