"""Building and validation of certification paths to a trusted root (RFC 5280 section 6.1).

pyhanko-certvalidator builds and validates the path, since it supports name constraints on directory names and
certificates for other purposes than web servers (docs/decisions/0031-path-validator.md). Revocation is checked by
`revocation` and `ocsp`. One rule goes beyond RFC 5280: an authority whose certificate has extended key usages may issue
for those uses only, as authorities and browsers apply it.
"""

import threading
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from pyhanko_certvalidator.context import ValidationContext
from pyhanko_certvalidator.errors import PathBuildingError, PathValidationError
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.validate import async_validate_path

from overstap.errors import OverstapError
from overstap.pki.certificates import CertificateChain, label

_LONGEST_CHAIN = 3
"""Largest number of intermediate authorities."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """The certificate and the rule on which one path fails."""

    certificate: x509.Certificate
    rule: str
    detail: str


def build_chain(
    certificate: x509.Certificate,
    *,
    intermediates: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    at: datetime,
) -> CertificateChain:
    """Build and validate the path from a certificate to a trusted root.

    The purpose of the end-entity certificate is checked elsewhere (`roles.has_purpose`), with a more precise message.

    Args:
        certificate: the end-entity certificate.
        intermediates: intermediate authorities, not trusted by themselves.
        roots: the trusted roots.
        at: the moment at which every certificate of the path must be valid.

    Raises:
        OverstapError: TRUST-005 when there is no path; TRUST-021 when a certificate of the path fails a rule.
    """
    known = {_der(one): one for one in (certificate, *intermediates, *roots)}
    context = ValidationContext(
        trust_roots=[_AUTHORITIES.of(one) for one in roots],
        other_certs=[_AUTHORITIES.of(one) for one in intermediates],
        moment=at,
        allow_fetching=False,
        time_tolerance=timedelta(0),
    )
    try:
        paths = _run_without_loop(context.path_builder.async_build_paths(asn1.Certificate.load(_der(certificate))))
    except PathBuildingError:
        paths = []
    failures = []
    for path in paths:
        found = tuple(known[one.dump()] for one in reversed(list(path.iter_certs(include_root=True))))
        failure = _failure(context, path, found, at)
        if failure is None:
            return CertificateChain(
                certificates=found,
                not_before=max(one.not_valid_before_utc for one in found),
                not_after=min(one.not_valid_after_utc for one in found),
            )
        failures.append(failure)
    # A path with an invalid signature does not count: another authority has the same name
    failures = [one for one in failures if one.rule != _SIGNATURE]
    if not failures:
        raise OverstapError("TRUST-005", subject=label(certificate))
    raise OverstapError(
        "TRUST-021",
        subject=label(certificate),
        certificate=label(failures[0].certificate),
        rule=failures[0].rule,
        detail=failures[0].detail,
    )


def check_uses(chain: CertificateChain, uses: frozenset[x509.ObjectIdentifier]) -> None:
    """Check that each intermediate authority of a chain may issue certificates for a use.

    An authority without extended key usages may issue for all uses; a root is trusted for all.

    Args:
        chain: chain of the certificate.
        uses: extended key usages, of which one must be permitted; see `roles`.

    Raises:
        OverstapError: TRUST-022 with the authority that is limited to other uses.
    """
    own = _uses_of(chain.certificates[0])
    wanted = uses & own if own is not None else uses
    for authority in chain.certificates[1:-1]:
        limited = _uses_of(authority)
        if limited is not None and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in limited and not limited & wanted:
            raise OverstapError("TRUST-022", subject=label(chain.certificates[0]), certificate=label(authority))


class _Authorities(threading.local):
    """Certificates of authorities as the validator has them, of one thread, since it reads parts of them on use.

    Names are compared letter by letter by the rules for directories (RFC 4518), a third of the time that a path took.
    """

    def __init__(self) -> None:
        self.known: dict[x509.Certificate, asn1.Certificate] = {}

    def of(self, certificate: x509.Certificate) -> asn1.Certificate:
        if len(self.known) >= _AUTHORITIES_KEPT:
            self.known.clear()
        if certificate not in self.known:
            self.known[certificate] = asn1.Certificate.load(_der(certificate))
        return self.known[certificate]


_AUTHORITIES_KEPT = 1_000
_AUTHORITIES = _Authorities()
_SIGNATURE = "RFC 5280 6.1.3 (a)(1)"


def _failure(
    context: ValidationContext, path: ValidationPath, chain: tuple[x509.Certificate, ...], at: datetime
) -> _Failure | None:
    if len(chain) > _LONGEST_CHAIN + 2:
        return _Failure(chain[0], "RFC 5280 6.1.4 (l)", f"more than {_LONGEST_CHAIN} authorities below the root")
    root = chain[-1]
    if not root.not_valid_before_utc <= at <= root.not_valid_after_utc:
        return _Failure(root, "RFC 5280 4.1.2.5", "the root is not valid at this moment")
    try:
        _run_without_loop(async_validate_path(context, path))
    except PathValidationError as problem:
        # The library states the failing certificate in its message only; `_diagnosed` determines it, and the rule
        return _diagnosed(chain, at, problem.failure_msg)
    return None


def _diagnosed(chain: tuple[x509.Certificate, ...], at: datetime, detail: str) -> _Failure:
    """Return the certificate of a path that fails and the rule: the first one from the root that a rule explains."""
    for position in range(len(chain) - 2, -1, -1):
        one, issuer = chain[position], chain[position + 1]
        try:
            one.verify_directly_issued_by(issuer)
        except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
            return _Failure(one, _SIGNATURE, detail)
        if not one.not_valid_before_utc <= at <= one.not_valid_after_utc:
            return _Failure(one, "RFC 5280 4.1.2.5", detail)
        if position and not _is_authority(one):
            return _Failure(one, "RFC 5280 4.2.1.9", detail)
        if position and not _may_sign(one):
            return _Failure(one, "RFC 5280 4.2.1.3", detail)
    if "namespace" in detail or "name constraint" in detail.lower():
        limits = [one for one in chain[1:] if _has(one, x509.NameConstraints)]
        return _Failure(limits[0] if limits else chain[0], "RFC 5280 4.2.1.10", detail)
    if "maximum path length" in detail:
        limits = [one for one in chain[1:] if _path_length(one) is not None]
        return _Failure(limits[-1] if limits else chain[0], "RFC 5280 4.2.1.9", detail)
    if "critical extension" in detail:
        return _Failure(chain[0], "RFC 5280 4.2", detail)
    return _Failure(chain[0], "RFC 5280 6.1", detail)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _path_length(certificate: x509.Certificate) -> int | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
    except x509.ExtensionNotFound:
        return None


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return True


def _has(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> bool:
    try:
        certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return False
    return True


def _uses_of(certificate: x509.Certificate) -> frozenset[x509.ObjectIdentifier] | None:
    try:
        return frozenset(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return None


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _run_without_loop(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that never waits, without an event loop; the validator fetches nothing."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    work.close()
    raise RuntimeError("the validator waits for an event")
