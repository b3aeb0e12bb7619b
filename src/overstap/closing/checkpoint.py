"""Signing of checkpoints, each a Merkle root over the audit lines since the last one.

Participants who keep checkpoints can detect that the end of the chain was removed. The signature is over the payload's
bytes, so that `openssl dgst -sha256 -verify` verifies it with the certificate's public key.
"""

import json
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from overstap.ledger import Ledger
from overstap.ledger.audit import merkle_root
from overstap.ledger.checkpoints import SignedCheckpoint, begin, keep
from overstap.pki import SigningIdentity, TrustStore

_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)


def make_checkpoint(ledger: Ledger, trust: TrustStore, *, region: str, actor: str, at: datetime) -> tuple[int, str]:
    """Sign the lines of a region's chain since its last checkpoint.

    Args:
        ledger: the ledger.
        trust: trust store with the signing key of the region's conductor.
        region: region id.
        actor: step or account, recorded in audit lines.
        at: the present moment, aware.

    Returns:
        The number of the last covered line, and the Merkle root in hex.

    Raises:
        OverstapError: TRUST-nnn when the conductor's signing certificate cannot be used.
    """
    identity = trust.conductor_signing(region, at=at)
    with ledger.unit(region, actor) as unit:
        lines = begin(unit)
        first, (up_to, head) = lines[0][0], lines[-1]
        root = merkle_root([digest for _, digest in lines]).hex()
        payload = json.dumps(
            {
                "region": region,
                "from": first,
                "up_to": up_to,
                "root": root,
                "head": head.hex(),
                "at": at.isoformat(timespec="seconds"),
            },
            sort_keys=True,
            separators=(",", ":"),
        )
        certificate = identity.certificate.public_bytes(serialization.Encoding.DER)
        keep(unit, SignedCheckpoint(payload, _sign(payload.encode(), identity), certificate))
    return up_to, root


def is_signed_by(payload: str, signature: bytes, certificate: x509.Certificate) -> bool:
    """Tell whether a checkpoint's signature was made with a certificate's key; the certificate is not verified."""
    key = certificate.public_key()
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, payload.encode(), ec.ECDSA(hashes.SHA256()))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, payload.encode(), _PSS, hashes.SHA256())
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _sign(content: bytes, identity: SigningIdentity) -> bytes:
    if isinstance(identity.key, rsa.RSAPrivateKey):
        return identity.key.sign(content, _PSS, hashes.SHA256())
    return identity.key.sign(content, ec.ECDSA(hashes.SHA256()))
