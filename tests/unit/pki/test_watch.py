"""What ends soon, said weeks ahead, in two languages."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from overstap.pki import DevelopmentAuthority, Role, TrustStore, make_development_certificates
from overstap.pki.expiry import ExpiryKind, expiring, sentence

AT = datetime(2027, 3, 12, 15, tzinfo=UTC)
PO, VO = "99AB00", "98XA00"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_development_certificates(tmp_path, schools=[PO, VO], regions=["waterland"], at=AT - timedelta(days=30))
    return tmp_path


@pytest.fixture
def store(folder: Path) -> TrustStore:
    return TrustStore(folder, production=False)


def test_nothing_ends_within_six_weeks(store: TrustStore) -> None:
    assert expiring(store, at=AT) == []


def test_only_what_is_in_use_counts(folder: Path, store: TrustStore) -> None:
    DevelopmentAuthority(folder, at=AT).renew(VO, Role.TLS, days=20)
    [only] = expiring(store, at=AT)
    assert (only.kind, only.owner, only.role, only.number) == (ExpiryKind.CERTIFICATE, VO, Role.TLS, 2)
    assert only.until == AT + timedelta(days=20)
    DevelopmentAuthority(folder, at=AT + timedelta(days=10)).renew(VO, Role.TLS)
    assert expiring(store, at=AT) == [only], "its successor lies ready, but is not used yet"
    assert expiring(store, at=AT + timedelta(days=11)) == []


@pytest.mark.fault("F39")
def test_everything_is_watched_that_can_stop_a_round(store: TrustStore) -> None:
    found = expiring(store, at=AT, days=4000)
    assert len([one for one in found if one.kind is ExpiryKind.CERTIFICATE]) == 2 * 3 + 2
    assert {("region waterland", Role.CLIENT), ("region waterland", Role.SIGNING)} <= {
        (one.owner, one.role) for one in found
    }
    assert [one.owner for one in found if one.kind is ExpiryKind.AUTHORITY] == [
        "development issuing authority",
        "development root",
    ]
    assert found == sorted(found, key=lambda one: one.until)


def test_revocation_lists_a_day_ahead(store: TrustStore) -> None:
    listed_until = AT - timedelta(days=30) + timedelta(days=90)
    assert expiring(store, at=listed_until - timedelta(hours=25)) == []
    found = expiring(store, at=listed_until - timedelta(hours=23))
    assert {one.kind for one in found} == {ExpiryKind.REVOCATION_LIST}
    assert len(found) == 2


@pytest.mark.parametrize("language", ["nl", "en"])
def test_sentences_say_what_when_and_what_follows(folder: Path, store: TrustStore, language: str) -> None:
    DevelopmentAuthority(folder, at=AT).renew(VO, Role.DECRYPTION, days=20)
    [one] = expiring(store, at=AT)
    soon = sentence(one, at=AT, language=language)
    over = sentence(one, at=AT + timedelta(days=21), language=language)
    assert f"{VO} decryption-2" in soon
    assert f"{VO} decryption-2" in over
    assert " 20 " in soon
    day = {"nl": ("1 april 2027", "18 maart 2027"), "en": ("1 April 2027", "18 March 2027")}[language]
    assert day[0] in soon
    assert day[1] in soon, "from then on nothing is sealed for it"
    assert soon != over
