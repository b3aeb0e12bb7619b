"""Files with a detached signature (CMS SignedData, RFC 5652).

Anybody proves it with stock OpenSSL: `openssl cms -verify -binary -inform DER -in x.p7s -content x -CAfile roots.pem
-purpose any`.
"""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder

from overstap.pki.identities import SigningIdentity


def sign_detached(content: bytes, identity: SigningIdentity) -> bytes:
    """Return a detached signature over a file, with the certificate that made it (DER).

    Args:
        content: the file's bytes, signed as they are.
        identity: who signs.
    """
    return (
        PKCS7SignatureBuilder()
        .set_data(content)
        .add_signer(identity.certificate, identity.key, hashes.SHA256())
        .sign(Encoding.DER, [PKCS7Options.DetachedSignature, PKCS7Options.Binary])
    )
