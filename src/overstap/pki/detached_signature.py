"""Detached signatures over files (CMS SignedData, RFC 5652).

OpenSSL verifies them: `openssl cms -verify -binary -inform DER -in x.p7s -content x -CAfile roots.pem -purpose any`.
"""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder

from overstap.pki.identities import SigningIdentity


def sign_detached(content: bytes, identity: SigningIdentity) -> bytes:
    """Return a detached signature over the content of a file, with the signer's certificate, DER.

    Args:
        content: content of the file.
        identity: key and certificate of the signer.
    """
    return (
        PKCS7SignatureBuilder()
        .set_data(content)
        .add_signer(identity.certificate, identity.key, hashes.SHA256())
        .sign(Encoding.DER, [PKCS7Options.DetachedSignature, PKCS7Options.Binary])
    )
