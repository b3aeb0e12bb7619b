"""Relying party of an identity provider for schools' staff: OpenID Connect Core 1.0, authorization code with PKCE.

Made for the sector's own federation (Entree Federatie), whose claims say at which school somebody works; any provider
with such claims serves. Nothing of what the provider says is believed before its ID token is verified. Claims that the
ID token lacks come from the UserInfo endpoint, which is the usual way of Entree Federatie.
"""

import hashlib
import json
import re
import secrets
import threading
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, cast
from urllib.parse import quote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from overstap.authentication_methods import has_second_factor
from overstap.bounded_http import FetchError, RequestBounds, fetch
from overstap.errors import OverstapError
from overstap.settings import Settings

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures of an ID token that count: by the provider's own key pair, never by a shared secret and never none."""
_SECONDS = 10.0
_MAX_BYTES = 1_000_000
_BRIN = re.compile(r"([0-9]{2}[A-Z]{2})([0-9]{2})?")
"""A school, or one of its branches."""
_METADATA_SECONDS = 3600.0
_LEEWAY_SECONDS = 60
_AT_ONCE = 4
_FORM = "application/x-www-form-urlencoded"
_NONE: Mapping[str, str] = MappingProxyType({})
_MAX_CLAIM = 250


class FederationBusyError(Exception):
    """As many sign-ins as may be are being verified with the provider at this moment."""


class FederationAwayError(Exception):
    """The provider does not answer, or not as its own metadata say."""


class FederationRefusedError(Exception):
    """What came back proves nobody.

    Args:
        reason: what is missing, without personal data, for the log.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class BegunSignIn:
    """A sign-in on its way to the provider and back; the browser keeps it.

    Args:
        state: ties the answer to this browser (RFC 6749, 10.12).
        nonce: ties the ID token to this sign-in.
        verifier: proves that who redeems the code asked for it (RFC 7636).
    """

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> "BegunSignIn":
        """Return a sign-in of which nobody else knows anything."""
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))

    @classmethod
    def read(cls, cookie: str) -> "BegunSignIn | None":
        """Return the sign-in that a cookie holds; None when it holds none."""
        parts = cookie.split(".")
        if len(parts) != 3 or not all(len(part) == 43 and part.isascii() for part in parts):
            return None
        return cls(*parts)

    @property
    def cookie(self) -> str:
        """The sign-in as the value of a cookie."""
        return f"{self.state}.{self.nonce}.{self.verifier}"

    @property
    def challenge(self) -> str:
        """The verifier's SHA-256 digest, as the provider gets it (RFC 7636, 4.2)."""
        return urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class FederatedPerson:
    """Who signed in at the provider.

    Args:
        account: the account there, in small letters, which is the account here.
        organisation: BRIN of the school where the person works.
        has_second_factor: whether the provider says that two factors were shown.
    """

    account: str = field(repr=False)
    organisation: str
    has_second_factor: bool


@dataclass(frozen=True, slots=True)
class FederationChoices:
    """Where and as what these pages sign people in.

    Args:
        issuer: URL of the provider.
        client: id of these pages there.
        secret: secret of these pages there.
        redirect: address of these pages to which the provider sends people back.
        name: what the provider is called on the page.
        account_claim: claim with the account.
        organisation_claim: claim with the BRIN.
        role_claim: claim that tells staff from pupils; empty: none is asked for.
        role: value that it must have.
        acr: levels there that mean a second factor.
    """

    issuer: str
    client: str
    secret: str = field(repr=False)
    redirect: str
    name: str
    account_claim: str
    organisation_claim: str
    role_claim: str
    role: str
    acr: tuple[str, ...] = ()


def federation_of(settings: Settings) -> "Federation | None":
    """Return the provider that the settings name; None when they name none.

    Raises:
        OverstapError: SETTING-001 when the issuer is set and its client, its secret or the pages' own address is not;
            SETTING-006 in production for an issuer without https.
    """
    if not settings.school_oidc_issuer:
        return None
    address = settings.need("school_address").rstrip("/")
    if settings.production and urlsplit(settings.school_oidc_issuer).scheme != "https":
        raise OverstapError("SETTING-006", setting="OVERSTAP_SCHOOL_OIDC_ISSUER")
    return Federation(
        FederationChoices(
            settings.school_oidc_issuer.rstrip("/"),
            settings.need("school_oidc_client"),
            settings.need("school_oidc_secret"),
            f"{address}/schoolaccount/terug",
            settings.school_oidc_name,
            settings.school_oidc_account_claim,
            settings.school_oidc_organisation_claim,
            settings.school_oidc_role_claim,
            settings.school_oidc_role,
            tuple(settings.school_oidc_acr.replace(",", " ").split()),
        )
    )


class Federation:
    """The provider; its metadata and keys are read once an hour. Safe to use from several threads.

    Args:
        choices: where and as what.
    """

    def __init__(self, choices: FederationChoices) -> None:
        self.choices = choices
        self._places = threading.BoundedSemaphore(_AT_ONCE)
        self._lock = threading.Lock()
        self._metadata: tuple[float, Mapping[str, Any]] | None = None

    def address(self, begun: BegunSignIn) -> str:
        """Return the address at the provider to which a browser goes.

        Raises:
            FederationAwayError: its metadata cannot be read.
            FederationBusyError: too many ask at once.
        """
        with self._place():
            endpoint = self._endpoint(self._known(), "authorization_endpoint")
        asked = {
            "response_type": "code",
            "client_id": self.choices.client,
            "redirect_uri": self.choices.redirect,
            "scope": "openid profile",
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": begun.challenge,
            "code_challenge_method": "S256",
        }
        if self.choices.acr:
            asked["acr_values"] = " ".join(self.choices.acr)
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    def person(self, begun: BegunSignIn, code: str) -> FederatedPerson:
        """Redeem the code that came back, and return who signed in.

        Args:
            begun: the sign-in, as the browser kept it.
            code: authorization code of the answer.

        Raises:
            FederationRefusedError: the code or the ID token does not hold, or lacks a claim.
            FederationAwayError: the provider does not answer.
            FederationBusyError: too many ask at once.
        """
        with self._place():
            metadata = self._known()
            said = self._redeemed(self._endpoint(metadata, "token_endpoint"), begun, code)
            keys = self._got(self._endpoint(metadata, "jwks_uri"))
            claims = _claims(str(said["id_token"]), keys, self.choices, begun.nonce)
            claims = {**self._user_info(metadata, said, claims), **claims}
        return self._read(claims)

    def _user_info(
        self, metadata: Mapping[str, Any], said: Mapping[str, Any], claims: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return the claims of the person that the ID token lacks (OpenID Connect Core 1.0, 5.3).

        Args:
            metadata: of the provider.
            said: answer to the code, with the access token.
            claims: of the ID token, verified.
        """
        asked = (self.choices.account_claim, self.choices.organisation_claim, self.choices.role_claim)
        missing = [claim for claim in asked if claim and claim not in claims]
        access = said.get("access_token")
        if not missing or "userinfo_endpoint" not in metadata or not isinstance(access, str):
            return _NONE
        try:
            headers = {"Authorization": f"Bearer {access}"}
            found = self._read_from(self._endpoint(metadata, "userinfo_endpoint"), headers=headers)
        except FetchError as problem:
            if problem.status in (401, 403):
                raise FederationRefusedError("the provider does not tell who signed in") from problem
            raise FederationAwayError from problem
        # 5.3.2: an answer about another subject must not be used
        if found.get("sub") != claims["sub"]:
            raise FederationRefusedError("the provider tells of another subject than the ID token")
        return {claim: found[claim] for claim in missing if claim in found}

    def _read(self, claims: Mapping[str, Any]) -> FederatedPerson:
        choices = self.choices
        if choices.role_claim and choices.role not in _texts(claims.get(choices.role_claim)):
            raise FederationRefusedError(f"the claim {choices.role_claim} does not say {choices.role}")
        found = {}
        for claim in (choices.account_claim, choices.organisation_claim):
            texts = _texts(claims.get(claim))
            if len(texts) != 1 or not 0 < len(texts[0].strip()) <= _MAX_CLAIM or not texts[0].strip().isprintable():
                raise FederationRefusedError(f"the claim {claim} is missing, or is more than one")
            found[claim] = texts[0].strip()
        organisation = _BRIN.fullmatch(found[choices.organisation_claim].upper())
        if organisation is None:
            raise FederationRefusedError(f"the claim {choices.organisation_claim} is no BRIN")
        # Letters of ASCII alone: the small form of a Kelvin sign is another person's k
        account = "".join(one.lower() if one.isascii() else one for one in found[choices.account_claim])
        return FederatedPerson(account, organisation[1], has_second_factor(claims, choices.acr))

    def _redeemed(self, endpoint: str, begun: BegunSignIn, code: str) -> Mapping[str, Any]:
        """Return the answer to the code, which has an ID token."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.choices.redirect,
            "code_verifier": begun.verifier,
        }
        # RFC 6749, 2.3.1: both in the form of a URL first
        login = f"{quote_plus(self.choices.client)}:{quote_plus(self.choices.secret)}"
        headers = {"Authorization": f"Basic {b64encode(login.encode()).decode('ascii')}"}
        try:
            said = self._read_from(endpoint, urlencode(form).encode(), headers)
        except FetchError as problem:
            if problem.status is not None and problem.status < 500:
                raise FederationRefusedError("the provider does not redeem the code") from problem
            raise FederationAwayError from problem
        if not isinstance(said.get("id_token"), str):
            raise FederationRefusedError("the provider does not redeem the code")
        return said

    def _known(self) -> Mapping[str, Any]:
        with self._lock:
            if self._metadata is not None and self._metadata[0] > time.monotonic():
                return self._metadata[1]
        found = self._got(f"{self.choices.issuer}/.well-known/openid-configuration")
        # OpenID Connect Discovery 1.0, 4.3: it speaks for this issuer and for no other
        if str(found.get("issuer", "")).rstrip("/") != self.choices.issuer:
            raise FederationAwayError
        with self._lock:
            self._metadata = (time.monotonic() + _METADATA_SECONDS, found)
        return found

    def _endpoint(self, metadata: Mapping[str, Any], name: str) -> str:
        endpoint = metadata.get(name)
        if not isinstance(endpoint, str) or urlsplit(endpoint).scheme != urlsplit(self.choices.issuer).scheme:
            raise FederationAwayError
        return endpoint

    def _got(self, address: str) -> Mapping[str, Any]:
        try:
            return self._read_from(address)
        except FetchError as problem:
            raise FederationAwayError from problem

    def _read_from(self, address: str, form: bytes | None = None, headers: Mapping[str, str] = _NONE) -> dict[str, Any]:
        """Return the JSON object that an address gives: within the time and size of a sign-in, and no redirect."""
        bounds = RequestBounds(_SECONDS, _MAX_BYTES, schemes=frozenset({urlsplit(self.choices.issuer).scheme}))
        sent = {"Accept": "application/json", **headers}
        data = (
            fetch(address, bounds, headers=sent, trust_env=True)
            if form is None
            else fetch(address, bounds, method="POST", body=form, kind=_FORM, headers=sent, trust_env=True)
        )
        try:
            found = json.loads(data)
        except (ValueError, RecursionError) as problem:
            raise FederationAwayError from problem
        if not isinstance(found, dict):
            raise FederationAwayError
        return found

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Take one of a few places: whoever sends made-up answers must not occupy all threads of the pages."""
        if not self._places.acquire(timeout=_SECONDS):
            raise FederationBusyError
        try:
            yield
        finally:
            self._places.release()


def _claims(token: str, keys: Mapping[str, Any], choices: FederationChoices, nonce: str) -> Mapping[str, Any]:
    """Return the claims of an ID token that is valid (OpenID Connect Core 1.0, 3.1.3.7)."""
    try:
        decoded = jwt.decode(token, KeySet.import_key_set(cast(Any, keys)), algorithms=list(ALGORITHMS))
        claims: Mapping[str, Any] = decoded.claims
        jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_SECONDS,
            sub={"essential": True},
            iss={"essential": True, "values": [choices.issuer, f"{choices.issuer}/"]},
            aud={"essential": True, "value": choices.client},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        ).validate(decoded.claims)
    except (JoseError, ValueError, KeyError, TypeError) as problem:
        raise FederationRefusedError(f"the ID token is not valid ({type(problem).__name__})") from problem
    audience = claims["aud"]
    if claims.get("azp", choices.client) != choices.client or (
        isinstance(audience, list) and len(audience) > 1 and "azp" not in claims
    ):
        raise FederationRefusedError("the ID token is for another client")
    return claims


def _texts(value: Any) -> list[str]:
    """Return a claim's values, of which a provider sends one as text or as a list."""
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str)]
