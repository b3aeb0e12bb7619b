"""Certification paths as real authorities issue them, and the certificate and rule that a message names."""

import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from overstap.errors import OverstapError
from overstap.pki import Role
from overstap.pki.path_validation import build_chain, check_uses
from overstap.pki.roles import extended_key_usage, key_usage, uses_of

AT = datetime(2027, 3, 12, 15, tzinfo=UTC)
NL = [x509.NameAttribute(NameOID.COUNTRY_NAME, "NL")]
_MAIL = ExtendedKeyUsageOID.EMAIL_PROTECTION
_DOCUMENT = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")


def name(common: str, organisation: str | None = None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)] if organisation else []
    return x509.Name([*NL, *parts, x509.NameAttribute(NameOID.COMMON_NAME, common)])


@dataclass
class Issuer:
    """An authority with any certificate."""

    subject: x509.Name
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    certificate: x509.Certificate = None  # type: ignore[assignment]

    def certify(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *extensions: tuple[x509.ExtensionType, bool],
        days: int = 100,
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(AT - timedelta(days=200))
            .not_valid_after(AT + timedelta(days=days))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())

    def authority(
        self, common: str, *extensions: tuple[x509.ExtensionType, bool], length: int | None = None, days: int = 100,
        ca: bool = True, signs: bool = True,
    ) -> "Issuer":  # fmt: skip
        made = Issuer(name(common))
        usage = x509.KeyUsage(not signs, False, False, False, False, signs, signs, False, False)
        basic = (x509.BasicConstraints(ca, length if ca else None), True)
        made.certificate = self.certify(made.subject, made.key, basic, (usage, True), *extensions, days=days)
        return made

    def holder(self, subject: x509.Name, role: Role = Role.SIGNING) -> x509.Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        return self.certify(subject, key, (key_usage(role, rsa_key=False), True), (extended_key_usage(role), False))


@pytest.fixture
def root() -> Issuer:
    made = Issuer(name("root"))
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    made.certificate = made.certify(
        made.subject, made.key, (x509.BasicConstraints(True, None), True), (usage, True), days=3000
    )
    return made


SCHOOL = name("De School", "Stichting Scholen")


def only(organisation: str) -> tuple[x509.ExtensionType, bool]:
    """An authority that may issue for one organisation, as PKIoverheid's organisation-bound ones are."""
    tree = x509.DirectoryName(x509.Name([*NL, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)]))
    return x509.NameConstraints([tree], None), True


def uses(*which: x509.ObjectIdentifier) -> tuple[x509.ExtensionType, bool]:
    return x509.ExtendedKeyUsage(list(which)), False


def judged(
    certificate: x509.Certificate, *between: Issuer, root: Issuer, role: Role = Role.SIGNING
) -> OverstapError | None:
    try:
        chain = build_chain(
            certificate, intermediates=[one.certificate for one in between], roots=[root.certificate], at=AT
        )
        check_uses(chain, uses_of(role))
    except OverstapError as error:
        return error
    return None


@pytest.mark.parametrize(
    "extensions",
    [
        (),
        (only("Stichting Scholen"),),
        (uses(_MAIL),),
        (uses(_MAIL, _DOCUMENT),),
        (uses(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE),),
        (only("Stichting Scholen"), uses(_MAIL)),
    ],
    ids=["plain", "names", "e-mail", "documents", "any", "both"],
)
def test_authorities_as_they_are_issued_in_practice(
    root: Issuer, extensions: tuple[tuple[x509.ExtensionType, bool], ...]
) -> None:
    issuing = root.authority("issuing", *extensions)
    assert judged(issuing.holder(SCHOOL), issuing, root=root) is None


def test_a_name_outside_what_its_authority_may_issue_for(root: Issuer) -> None:
    issuing = root.authority("issuing", only("Andere Stichting"))
    error = judged(issuing.holder(SCHOOL), issuing, root=root)
    assert error is not None
    assert (error.code, error.facts["rule"], error.facts["certificate"]) == (
        "TRUST-021",
        "RFC 5280 4.2.1.10",
        "issuing",
    )
    excluded = x509.NameConstraints(
        None, [x509.DirectoryName(x509.Name([*NL, x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Stichting Scholen")]))]
    )
    issuing = root.authority("issuing", (excluded, True))
    error = judged(issuing.holder(SCHOOL), issuing, root=root)
    assert error is not None
    assert error.facts["rule"] == "RFC 5280 4.2.1.10"


@pytest.mark.parametrize("limited", [(ExtendedKeyUsageOID.SERVER_AUTH,), (ExtendedKeyUsageOID.OCSP_SIGNING,)])
def test_an_authority_that_is_limited_to_other_uses(root: Issuer, limited: tuple[x509.ObjectIdentifier, ...]) -> None:
    issuing = root.authority("issuing", uses(*limited))
    error = judged(issuing.holder(SCHOOL), issuing, root=root)
    assert error is not None
    assert (error.code, error.facts["certificate"]) == ("TRUST-022", "issuing")
    below = root.authority("middle", uses(*limited)).authority("issuing")
    assert below.certificate
    tls = root.authority("tls", uses(ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH))
    assert judged(tls.holder(SCHOOL, Role.TLS), tls, root=root, role=Role.TLS) is None


@pytest.mark.parametrize(
    ("made", "rule"),
    [
        (lambda root: [root.authority("issuing", days=-1)], "RFC 5280 4.1.2.5"),
        (lambda root: [root.authority("issuing", ca=False)], "RFC 5280 4.2.1.9"),
        (lambda root: [root.authority("issuing", signs=False)], "RFC 5280 4.2.1.3"),
        (lambda root: [one := root.authority("first", length=0), one.authority("issuing")], "RFC 5280 4.2.1.9"),
    ],
    ids=["ended", "no authority", "may not sign", "too long"],
)
def test_the_certificate_and_the_rule_are_named(root: Issuer, made: object, rule: str) -> None:
    between = made(root)  # type: ignore[operator]
    error = judged(between[-1].holder(SCHOOL), *between, root=root)
    assert error is not None
    assert (error.code, error.facts["rule"]) == ("TRUST-021", rule)
    assert error.facts["certificate"] in ("issuing", "first")
    assert "issuing" in str(error) or "first" in str(error)


def test_four_authorities_are_too_many(root: Issuer) -> None:
    between = [root]
    for number in range(4):
        between.append(between[-1].authority(f"ca {number}"))
    assert judged(between[-2].holder(SCHOOL), *between[1:-1], root=root) is None
    error = judged(between[-1].holder(SCHOOL), *between[1:], root=root)
    assert error is not None
    assert error.facts["rule"] == "RFC 5280 6.1.4 (l)"


def test_another_authority_of_the_same_name_is_no_path(root: Issuer) -> None:
    stranger = Issuer(root.subject)
    assert getattr(judged(stranger.holder(SCHOOL), root=root), "code", None) == "TRUST-005"
    forged = Issuer(name("issuing"))
    issuing = root.authority("issuing")
    assert getattr(judged(forged.holder(SCHOOL), issuing, root=root), "code", None) == "TRUST-005"


def test_an_old_and_a_new_certificate_of_one_authority(root: Issuer) -> None:
    issuing = root.authority("issuing")
    old = Issuer(issuing.subject, issuing.key)
    basic = (x509.BasicConstraints(True, None), True)
    old.certificate = root.certify(issuing.subject, issuing.key, basic, days=-1)
    assert judged(issuing.holder(SCHOOL), old, issuing, root=root) is None


@pytest.mark.parametrize("organisation", ["Stichting Scholen", "Andere Stichting"])
def test_openssl_says_the_same_of_constraints_on_names(root: Issuer, tmp_path: Path, organisation: str) -> None:
    issuing = root.authority("issuing", only(organisation))
    files = {"root": root.certificate, "issuing": issuing.certificate, "school": issuing.holder(SCHOOL)}
    for stem, certificate in files.items():
        (tmp_path / stem).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    done = subprocess.run(
        ["openssl", "verify", "-CAfile", tmp_path / "root", "-untrusted", tmp_path / "issuing", "-attime",
         str(int(AT.timestamp())), tmp_path / "school"],
        capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode == 0) == (judged(files["school"], issuing, root=root) is None)
