"""Passkeys against an authenticator of the test's own, which signs whatever it is asked."""

import json
from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.utils import sha256, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from overstap.pages.school.passkeys import PasskeyRefusedError, Passkeys

ORIGIN, OTHER = "https://scholen.example.nl", "https://scholen.example.nl.evil.example"
CHALLENGE = bytes(range(32))
PASSKEYS = Passkeys(f"{ORIGIN}/")


@dataclass
class Key:
    """A security key, also one that somebody made to lie."""

    id: bytes = b"key-1"
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    present: bool = True

    @property
    def credential(self) -> AttestedCredentialData:
        return AttestedCredentialData.create(
            Aaguid.NONE, self.id, ES256.from_cryptography_key(self.private.public_key())
        )

    def registers(self, origin: str = ORIGIN, challenge: bytes = CHALLENGE, rp: str = "scholen.example.nl") -> str:
        client = CollectedClientData.create(CollectedClientData.TYPE.CREATE, challenge, origin)
        flags = AuthenticatorData.FLAG.AT | (AuthenticatorData.FLAG.UP if self.present else 0)
        data = AuthenticatorData.create(sha256(rp.encode()), flags, 0, self.credential)
        attestation = AttestationObject.create("none", data, {})
        return self._answer(clientDataJSON=client, attestationObject=attestation)

    def signs(
        self,
        origin: str = ORIGIN,
        challenge: bytes = CHALLENGE,
        rp: str = "scholen.example.nl",
        what: str = CollectedClientData.TYPE.GET,
        counter: int = 1,
    ) -> str:
        client = CollectedClientData.create(what, challenge, origin)
        data = AuthenticatorData.create(
            sha256(rp.encode()), AuthenticatorData.FLAG.UP if self.present else AuthenticatorData.FLAG(0), counter
        )
        signature = self.private.sign(data + client.hash, ec.ECDSA(SHA256()))
        return self._answer(clientDataJSON=client, authenticatorData=data, signature=signature)

    def _answer(self, **parts: bytes) -> str:
        response = {name: websafe_encode(bytes(part)) for name, part in parts.items()}
        return json.dumps({"rawId": websafe_encode(self.id), "type": "public-key", "response": response})


def test_a_key_is_registered_and_signs() -> None:
    key = Key()
    asked = json.loads(PASSKEYS.registration("j.jansen", "J. Jansen", [], CHALLENGE))
    assert asked["rp"]["id"] == "scholen.example.nl"
    made = PASSKEYS.registered(key.registers(), "Sleutel", CHALLENGE)
    assert (made.credential, made.counter) == (b"key-1", 0)
    other = Key(b"key-2")
    known = [bytes(other.credential), made.public_key]
    assert json.loads(PASSKEYS.request(known, CHALLENGE))["allowCredentials"][1]["id"] == websafe_encode(b"key-1")
    assert PASSKEYS.verified(key.signs(counter=7), known, CHALLENGE) == (1, 7)


@pytest.mark.parametrize(
    "answer",
    [
        Key().registers(origin=OTHER),
        Key().registers(origin="http://scholen.example.nl"),
        Key().registers(origin="https://scholen.example.nl:8443"),
        Key().registers(rp="example.nl"),
        Key().registers(challenge=bytes(32)),
        Key(present=False).registers(),
        Key().signs(),
    ],
    ids=["another host", "without TLS", "another port", "another id", "another challenge", "nobody there", "signed"],
)
def test_a_registration_for_another_site_or_stay_is_refused(answer: str) -> None:
    with pytest.raises(PasskeyRefusedError):
        PASSKEYS.registered(answer, "x", CHALLENGE)


KEY = Key()


@pytest.mark.parametrize(
    "answer",
    [
        KEY.signs(origin=OTHER),
        KEY.signs(origin="http://scholen.example.nl"),
        KEY.signs(rp="scholen.example.nl.evil.example"),
        KEY.signs(challenge=bytes(32)),
        KEY.signs(what=CollectedClientData.TYPE.CREATE),
        Key(private=KEY.private, present=False).signs(),
        Key().signs(),
        Key(b"key-9", KEY.private).signs(),
        KEY.signs().replace("signature", "handtekening"),
        KEY.signs()[:-20],
        "{}",
        "[]",
        "null",
        "",
        "[" * 10_000,
        json.dumps({"rawId": "é", "type": 3, "response": "x"}),
    ],
)
def test_a_signature_for_another_site_stay_or_key_is_refused(answer: str) -> None:
    with pytest.raises(PasskeyRefusedError):
        PASSKEYS.verified(answer, [bytes(KEY.credential)], CHALLENGE)


def test_an_id_of_a_user_tells_no_login() -> None:
    assert "jansen" not in json.loads(PASSKEYS.registration("j.jansen", "J", [], CHALLENGE))["user"]["id"]
