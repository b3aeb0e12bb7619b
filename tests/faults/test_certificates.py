"""Tests of invalid certificates and keys (F38 to F48) during a round, through the steps of the round.

What each check of the store refuses is in tests/unit/pki and tests/integration/pki; here: that a school's trouble
holds up its own dossiers only, that nothing is sealed or confirmed meanwhile, and that all goes on once it is mended.
"""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from integration.round.deployment import RegionDeployment

from overstap.atomic_files import write_atomically
from overstap.clock import now
from overstap.errors import OverstapError
from overstap.pki import DevelopmentAuthority, KeyKind, Role, make_development_certificates
from overstap.pki.authority import new_key
from overstap.pki.key_files import key_bytes, read_certificates

from .steps import seal, send


def own_trust(deployment: RegionDeployment) -> Path:
    """Give the deployment a trust folder of its own, to spoil."""
    folder = deployment.folder / "trust"
    shared = folder.resolve()
    folder.unlink()
    shutil.copytree(shared, folder)
    return folder


def expired(folder: Path, school: str) -> None:
    """F38. It ended: made two years ago, for a year."""
    made = DevelopmentAuthority(folder, at=now() - timedelta(days=400)).renew(school, Role.DECRYPTION, days=365)
    made.rename(made.with_name("decryption-9.crt"))
    made.with_suffix(".key").rename(made.with_name("decryption-9.key"))


def ends_soon(folder: Path, school: str) -> None:
    """F39. It ends within the days that a receiver needs to open what is sealed for it."""
    DevelopmentAuthority(folder, at=now()).renew(school, Role.DECRYPTION, days=3)


def revoked(folder: Path, school: str) -> None:
    """F40."""
    certificate = read_certificates(folder / "schools" / school / "decryption-1.crt")[0]
    DevelopmentAuthority(folder, at=now() - timedelta(hours=1)).revoke(certificate)


def stale_list(folder: Path, school: str) -> None:
    """F41."""
    DevelopmentAuthority(folder, at=now() - timedelta(days=9)).publish_revocations(days=1)


def wrong_purpose(folder: Path, school: str) -> None:
    """F43. Its TLS certificate in the place of the one to seal for."""
    place = folder / "schools" / school
    for suffix in ("crt", "key"):
        shutil.copy(place / f"tls-1.{suffix}", place / f"decryption-2.{suffix}")


def somebody_elses(folder: Path, school: str) -> None:
    """F44."""
    [other] = [one for one in (folder / "schools").iterdir() if one.name[2] == "X" and one.name != school]
    for suffix in ("crt", "key"):
        shutil.copy(other / f"decryption-1.{suffix}", folder / "schools" / school / f"decryption-2.{suffix}")


def unknown_root(folder: Path, school: str) -> None:
    """F45."""
    elsewhere = folder.parent / "elsewhere"
    make_development_certificates(elsewhere, schools=[school], at=now())
    for suffix in ("crt", "key"):
        source = elsewhere / "schools" / school / f"decryption-1.{suffix}"
        shutil.copy(source, folder / "schools" / school / f"decryption-2.{suffix}")


def senders_key_is_gone(folder: Path, school: str) -> None:
    """F47."""
    [sender] = [one for one in (folder / "schools").iterdir() if one.name[2] != "X"]
    (sender / "signing-1.key").unlink()


def senders_key_may_be_read_by_others(folder: Path, school: str) -> None:
    """F47."""
    [sender] = [one for one in (folder / "schools").iterdir() if one.name[2] != "X"]
    (sender / "signing-1.key").chmod(0o644)


def senders_key_is_another(folder: Path, school: str) -> None:
    """F47: of the right kind and mode, and of no certificate."""
    [sender] = [one for one in (folder / "schools").iterdir() if one.name[2] != "X"]
    write_atomically(sender / "signing-1.key", key_bytes(new_key(KeyKind.P256)), mode=0o600)


FAULTS: dict[Callable[[Path, str], None], str] = {
    expired: "TRUST-006",
    ends_soon: "TRUST-007",
    revoked: "TRUST-008",
    stale_list: "TRUST-009",
    wrong_purpose: "TRUST-010",
    somebody_elses: "TRUST-011",
    unknown_root: "TRUST-005",
    senders_key_is_gone: "TRUST-002",
    senders_key_may_be_read_by_others: "TRUST-003",
    senders_key_is_another: "TRUST-004",
}


@pytest.mark.fault("F38", "F39", "F40", "F41", "F43", "F44", "F45", "F47")
def test_nothing_is_sealed_for_what_is_not_in_order(
    at_brink: Callable[[str], RegionDeployment], random: Random
) -> None:
    """Each fault holds what it concerns, is told by its code, and is over when it is mended. In an order by chance."""
    deployment = at_brink("inspected")
    folder = own_trust(deployment)
    whole = deployment.folder / "whole"
    shutil.copytree(folder, whole)
    school = deployment.region.secondary[0].id
    faults = list(FAULTS.items())
    random.shuffle(faults)
    with deployment.ledger() as ledger:
        for spoil, code in faults:
            spoil(folder, school)
            with pytest.raises(OverstapError) as told:
                seal(deployment, ledger)
            assert told.value.code == "DELIVERY-102", spoil.__name__
            assert code in told.value.facts["reasons"], spoil.__name__
            assert deployment.count("delivery", secondary_school=school) == 0, spoil.__name__
            shutil.rmtree(folder)
            shutil.copytree(whole, folder)
        assert deployment.breaches() == []
        seal(deployment, ledger)
    assert deployment.count("delivery", secondary_school=school) > 0
    assert deployment.breaches() == []


@pytest.mark.fault("F46")
def test_keys_are_replaced_while_a_round_runs(at_brink: Callable[[str], RegionDeployment], random: Random) -> None:
    """F46: sealed for the old key, opened after the new one came, while everybody gets new keys of every role."""
    deployment = at_brink("sealed")
    folder = own_trust(deployment)
    school = deployment.region.secondary[0].id
    endpoint = deployment.receive(school)
    total = deployment.count("delivery", secondary_school=school)
    authority = DevelopmentAuthority(folder, at=now())
    schools = [path.name for path in (folder / "schools").iterdir()]
    random.shuffle(schools)
    with deployment.ledger() as ledger:
        for one in schools:  # the endpoint runs on: it reads what is new by itself
            for role in (Role.SIGNING, Role.DECRYPTION):
                authority.renew(one, role)
        assert send(deployment, school, ledger) == {"accepted": total}
    assert deployment.stored()[school] == total
    assert deployment.breaches() == []

    # A receipt was signed with a certificate that is revoked since: it holds no less (and tells no more)
    at = now() + timedelta(seconds=1)
    later = DevelopmentAuthority(folder, at=at)
    for path in (folder / "schools" / school).glob("signing-*.crt"):
        later.revoke(read_certificates(path)[0])
    assert deployment.breaches() == []
    endpoint.kill()
