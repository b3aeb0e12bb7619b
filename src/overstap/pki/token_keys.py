"""Signing keys that stay in a token (PKCS#11): a hardware security module, a smart card, or SoftHSM.

Beside the certificate `signing-1.crt` stands `signing-1.pkcs11`, with a URI of RFC 7512 that says which key:
`pkcs11:token=overstap;object=conductor?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/run/secrets/pin`.
"""

import hashlib
import os
import secrets
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, cast
from urllib.parse import parse_qsl, unquote

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from overstap.errors import OverstapError
from overstap.pki.key_files import PrivateKey, check_mode

KEY_NAME_SUFFIX = ".pkcs11"
_SCHEME = "pkcs11:"
_CHALLENGE_BYTES = 32


def token_beside(path: Path) -> Path | None:
    """Return the file beside a certificate that names a key in a token; None without one."""
    beside = path.with_suffix(KEY_NAME_SUFFIX)
    return beside if beside.exists() else None


@dataclass(frozen=True, slots=True)
class TokenAddress:
    """Which key in which token."""

    file: Path
    module: str
    token: str
    object: str | None
    id: bytes | None
    pin_file: Path | None

    @property
    def facts(self) -> dict[str, str]:
        """Facts for errors."""
        return {"file": self.file.name, "folder": self.file.parent.name}


def read_address(path: Path) -> TokenAddress:
    """Read the file beside a certificate.

    Raises:
        OverstapError: TRUST-023 when it is no URI with token, module-path and object or id.
    """
    wrong = OverstapError("TRUST-023", file=path.name, folder=path.parent.name)
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise wrong from error
    if not text.startswith(_SCHEME):
        raise wrong
    which, _, how = text.removeprefix(_SCHEME).partition("?")
    parts = dict(one.partition("=")[::2] for one in which.split(";"))
    options = dict(parse_qsl(how))
    label, key_id = parts.get("object"), parts.get("id")
    if "token" not in parts or "module-path" not in options or not (label or key_id):
        raise wrong
    pin = options.get("pin-source", "").removeprefix("file:")
    return TokenAddress(
        path,
        options["module-path"],
        unquote(parts["token"]),
        unquote(label) if label else None,
        unquote(key_id, "latin-1").encode("latin-1") if key_id else None,
        Path(pin) if pin else None,
    )


def read_token_key(path: Path, certificate: x509.Certificate) -> PrivateKey:
    """Return the key in a token that belongs to a certificate; it signs once, to prove that it does.

    Args:
        path: the file beside the certificate.
        certificate: the certificate.

    Raises:
        OverstapError: TRUST-023 the file is not valid; TRUST-024 the token or its key cannot be used; TRUST-004 it is
            the key of another certificate; TRUST-012 a kind of key that is not permitted.
    """
    token, public = _Token(read_address(path)), certificate.public_key()
    challenge = secrets.token_bytes(_CHALLENGE_BYTES)
    try:
        if isinstance(public, ec.EllipticCurvePublicKey):
            ec_key = TokenEcKey(token, public)
            public.verify(ec_key.sign(challenge, ec.ECDSA(hashes.SHA256())), challenge, ec.ECDSA(hashes.SHA256()))
            return ec_key
        if isinstance(public, rsa.RSAPublicKey):
            rsa_key = TokenRsaKey(token, public)
            signature = rsa_key.sign(challenge, padding.PKCS1v15(), hashes.SHA256())
            public.verify(signature, challenge, padding.PKCS1v15(), hashes.SHA256())
            return rsa_key
    except InvalidSignature as error:
        raise OverstapError("TRUST-004", file=path.name, folder=path.parent.name) from error
    raise OverstapError("TRUST-012", subject=path.stem)


@dataclass(eq=False)
class _Token:
    """Session with a token, opened when it is first used, again after a fork, and again after a fault."""

    address: TokenAddress
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _key: Any = field(default=None, repr=False)
    _process: int = 0

    def sign(self, data: bytes, **options: Any) -> bytes:
        """Sign by a mechanism of PKCS#11.

        Raises:
            OverstapError: TRUST-024 when the token or its key cannot be used.
        """
        import pkcs11  # an extra of its own

        with self._lock:
            try:
                return cast("bytes", self._opened().sign(data, **options))
            except pkcs11.PKCS11Error:  # the token was away for a moment: once more, from the beginning
                self._key = None
            try:
                return cast("bytes", self._opened().sign(data, **options))
            except pkcs11.PKCS11Error as error:
                self._key = None
                raise self._unusable(error) from error

    def _opened(self) -> Any:
        import pkcs11

        if self._key is not None and self._process == os.getpid():
            return self._key
        try:
            library = pkcs11.lib(self.address.module)
            if self._process not in (0, os.getpid()):
                library.reinitialize()
            token = library.get_token(token_label=self.address.token)
        except (pkcs11.PKCS11Error, RuntimeError, OSError) as error:
            raise self._unusable(error) from error
        try:
            session = token.open(user_pin=self._pin())
        except pkcs11.UserAlreadyLoggedIn:  # for another key of this process: signing in counts for all its sessions
            session = token.open()
        wanted = {"label": self.address.object, "id": self.address.id}
        self._key = session.get_key(
            object_class=pkcs11.ObjectClass.PRIVATE_KEY, **{name: value for name, value in wanted.items() if value}
        )
        self._process = os.getpid()
        return self._key

    def _pin(self) -> str | None:
        if self.address.pin_file is None:
            return None
        check_mode(self.address.pin_file)
        return self.address.pin_file.read_text(encoding="utf-8").strip()

    def _unusable(self, error: Exception) -> OverstapError:
        return OverstapError("TRUST-024", kind=type(error).__name__, **self.address.facts)


def _digest(data: bytes, algorithm: object) -> bytes:
    if isinstance(algorithm, Prehashed):
        return data
    if not isinstance(algorithm, hashes.SHA256):
        raise TypeError(f"not a hash of ours: {algorithm}")
    return hashlib.sha256(data).digest()


class _Staying:
    """What a key in a token cannot: leave it."""

    _token: _Token

    def _stays(self) -> NoReturn:
        raise OverstapError("TRUST-025", **self._token.address.facts)

    def private_numbers(self) -> NoReturn:
        """Raise TRUST-025."""
        self._stays()

    def private_bytes(self, *_: object, **__: object) -> NoReturn:
        """Raise TRUST-025."""
        self._stays()

    def exchange(self, *_: object, **__: object) -> NoReturn:
        """Raise TRUST-025: envelopes are not opened with a key in a token."""
        self._stays()

    def decrypt(self, *_: object, **__: object) -> NoReturn:
        """Raise TRUST-025: envelopes are not opened with a key in a token."""
        self._stays()


class TokenEcKey(_Staying, ec.EllipticCurvePrivateKey):
    """Elliptic curve key in a token: signs with ECDSA and SHA-256."""

    def __init__(self, token: _Token, public: ec.EllipticCurvePublicKey) -> None:
        self._token = token
        self._public = public

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """Sign; the result is DER, as of a key in a file."""
        import pkcs11

        digest = _digest(bytes(data), signature_algorithm.algorithm)
        pair = self._token.sign(digest, mechanism=pkcs11.Mechanism.ECDSA)
        half = len(pair) // 2
        return encode_dss_signature(int.from_bytes(pair[:half]), int.from_bytes(pair[half:]))

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Return the public key, from the certificate."""
        return self._public

    @property
    def curve(self) -> ec.EllipticCurve:
        """The curve."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """The size of the key in bits."""
        return self._public.key_size

    def __copy__(self) -> "TokenEcKey":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "TokenEcKey":
        return self


class TokenRsaKey(_Staying, rsa.RSAPrivateKey):
    """RSA key in a token: signs with PSS or PKCS #1 v1.5, and SHA-256."""

    def __init__(self, token: _Token, public: rsa.RSAPublicKey) -> None:
        self._token = token
        self._public = public

    def sign(self, data: Any, padding: Any, algorithm: Any) -> bytes:
        """Sign; the salt of PSS is as long as the hash."""
        import pkcs11

        if not isinstance(algorithm, hashes.SHA256):
            raise TypeError(f"not a hash of ours: {algorithm}")
        if padding.name == "EMSA-PSS":
            salted = (pkcs11.Mechanism.SHA256, pkcs11.MGF.SHA256, hashes.SHA256.digest_size)
            return self._token.sign(bytes(data), mechanism=pkcs11.Mechanism.SHA256_RSA_PKCS_PSS, mechanism_param=salted)
        return self._token.sign(bytes(data), mechanism=pkcs11.Mechanism.SHA256_RSA_PKCS)

    def public_key(self) -> rsa.RSAPublicKey:
        """Return the public key, from the certificate."""
        return self._public

    @property
    def key_size(self) -> int:
        """The size of the key in bits."""
        return self._public.key_size

    def __copy__(self) -> "TokenRsaKey":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "TokenRsaKey":
        return self
