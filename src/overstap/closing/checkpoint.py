"""Signed checkpoints: a Merkle root over the audit lines since the last one.

Handed out to the participants, it keeps the tail of the chain from being cut off unseen. The signature is over the
payload's bytes, so `openssl dgst -sha256 -verify` proves it with the certificate's public key.
"""

import json
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from overstap.ledger import Ledger
from overstap.ledger.audit import merkle_root
from overstap.ledger.checkpoints import KeptCheckpoint, begin, keep
from overstap.pki import SigningIdentity, TrustStore

_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)


def make_checkpoint(ledger: Ledger, trust: TrustStore, *, region: str, actor: str, at: datetime) -> tuple[int, str]:
    """Sign everything that came into a region's chain since its last checkpoint.

    Args:
        ledger: the ledger.
        trust: holds the key with which the region's conductor signs.
        region: region id.
        actor: who makes it, for the evidence.
        at: the moment of making.

    Returns:
        The number of the last line that is covered, and the root in hex.

    Raises:
        OverstapError: TRUST-nnn when the conductor's signing certificate is not in order.
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
        keep(unit, KeptCheckpoint(payload, _sign(payload.encode(), identity), certificate))
    return up_to, root


def is_signed_by(payload: str, signature: bytes, certificate: x509.Certificate) -> bool:
    """Tell whether a checkpoint's signature was made with a certificate's key. Who holds that is another question."""
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
