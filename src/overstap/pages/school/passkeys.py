"""Passkeys (W3C WebAuthn Level 2) as a second factor, verified by the library fido2."""

import json
import logging
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from overstap.ledger.region_keys import sha256
from overstap.ledger.second_factors import NewPasskey

logging.getLogger("fido2").setLevel(logging.WARNING)  # at INFO it writes the ids of passkeys
_MAX_CHARACTERS = 20_000
_NAME = "Overstap"


class PasskeyRefusedError(Exception):
    """The answer of a browser is no valid registration or signature for this session and address."""


class Passkeys:
    """Registration and verification of passkeys of one web address.

    Args:
        origin: scheme, host and port of the schools' pages: passkeys are bound to the host, signatures to the whole.
    """

    def __init__(self, origin: str) -> None:
        parts = urlsplit(origin)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        rp = PublicKeyCredentialRpEntity(id=parts.hostname or "", name=_NAME)
        self._server = Fido2Server(rp, verify_origin=lambda said: said == self._origin)

    def registration(self, account: str, name: str, known: Sequence[bytes], challenge: bytes) -> str:
        """Return what the browser needs to make a passkey, as JSON.

        Args:
            account: the login.
            name: name of the person.
            known: credential data of the account's passkeys, so that none is made twice.
            challenge: random bytes (32).
        """
        user = PublicKeyCredentialUserEntity(id=_user_id(account), name=account, display_name=name)
        options, _ = self._server.register_begin(
            user,
            [AttestedCredentialData(one) for one in known],
            resident_key_requirement=ResidentKeyRequirement.DISCOURAGED,
            user_verification=UserVerificationRequirement.PREFERRED,
            challenge=challenge,
        )
        return _json(options)

    def registered(self, answer: str, name: str, challenge: bytes) -> NewPasskey:
        """Return the passkey that a browser made.

        Args:
            answer: the browser's RegistrationResponseJSON.
            name: what its owner calls it.
            challenge: what `registration` had.

        Raises:
            PasskeyRefusedError: it was made for another session or address, or is malformed.
        """
        try:
            read = RegistrationResponse.from_dict(_read(answer))
            made = self._server.register_complete(_state(challenge), read)
        except _REFUSALS as problem:
            raise PasskeyRefusedError from problem
        if made.credential_data is None:
            raise PasskeyRefusedError
        data = made.credential_data
        return NewPasskey(name, data.credential_id, bytes(data), made.counter)

    def request(self, known: Sequence[bytes], challenge: bytes) -> str:
        """Return what the browser needs to sign with one of the account's passkeys, as JSON."""
        options, _ = self._server.authenticate_begin(
            [AttestedCredentialData(one) for one in known],
            user_verification=UserVerificationRequirement.PREFERRED,
            challenge=challenge,
        )
        return _json(options)

    def verified(self, answer: str, known: Sequence[bytes], challenge: bytes) -> tuple[int, int]:
        """Return which of the account's passkeys signed (its index), and its counter.

        Args:
            answer: the browser's AuthenticationResponseJSON.
            known: credential data of the account's passkeys.
            challenge: what `request` had.

        Raises:
            PasskeyRefusedError: another key signed, or for another session or address, or the answer is malformed.
        """
        keys = [AttestedCredentialData(one) for one in known]
        try:
            read = AuthenticationResponse.from_dict(_read(answer))
            used = self._server.authenticate_complete(_state(challenge), keys, read)
            counter = read.response.authenticator_data.counter
        except _REFUSALS as problem:
            raise PasskeyRefusedError from problem
        return keys.index(used), counter


_REFUSALS = (
    *(ValueError, TypeError, KeyError, AttributeError, IndexError, AssertionError),
    *(NotImplementedError, OverflowError, RecursionError, UnsupportedAlgorithm),
)
"""What fido2 raises for an answer that is malformed or wrong."""


def _user_id(account: str) -> bytes:
    """Return an id that does not tell who it is (WebAuthn 14.6.1)."""
    return sha256(f"passkey\0{account}".encode())


def _read(answer: str) -> dict[str, Any]:
    found = json.loads(answer[:_MAX_CHARACTERS])
    if not isinstance(found, dict):
        raise TypeError("an object is expected")
    return found


def _state(challenge: bytes) -> dict[str, Any]:
    return {"challenge": websafe_encode(challenge), "user_verification": UserVerificationRequirement.PREFERRED}


def _json(options: Any) -> str:
    return json.dumps(dict(options)["publicKey"])
