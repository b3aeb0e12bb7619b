"""Check of regions: agreement, role in the ledger, content keys, certificates of conductor and receiving schools."""

from collections.abc import Iterator

import psycopg

from overstap.agreements import Agreement
from overstap.agreements.load import agreement_paths, load_agreement
from overstap.clock import now
from overstap.doctor.finding import Finding, good, mind, unseen, wrong
from overstap.errors import OverstapError
from overstap.ledger import open_ledger, schools
from overstap.ledger.region_keys import compare_board_keys, load_board_keys, load_keys
from overstap.pki import TrustStore
from overstap.pki.certificate_files import CERTIFICATE_SUFFIXES
from overstap.pki.expiry import AHEAD_DAYS, expiring, sentence
from overstap.settings import Settings


def findings(settings: Settings) -> Iterator[Finding]:
    """Yield the findings on each region, and on certificates in the trust folder that expire soon."""
    newest: dict[str, Agreement] = {}
    paths = agreement_paths(settings.regions)
    if not paths:
        yield mind("regions", "there is no agreement", "put <region>/<school year>.yaml into the regions folder")
    for path in paths:
        try:
            agreement = load_agreement(path)
        except OverstapError as error:
            subject = f"agreement {path.parent.name}/{path.name}"
            yield wrong(subject, f"{error.message_en} It stops this region only.", error.do_en)
            continue
        if settings.production and agreement.example:
            yield mind(f"agreement {path.parent.name}/{path.name}", "an example: no rounds are made of it", "remove it")
            continue
        newest[agreement.region] = agreement
    store = TrustStore(settings.trust, production=settings.production) if settings.trust else None
    for region, agreement in newest.items():
        yield good(f"agreement {region}", f"{agreement.school_year}, {len(agreement.schools)} schools")
        yield _keys(settings, region)
        yield _board_keys(settings, region)
        yield from _role(settings, region)
        if store is not None:
            yield from _certificates(store, agreement)
    if store is None:
        yield unseen("certificates", "OVERSTAP_TRUST is not set here")
    elif not any(one.suffix.lower() in CERTIFICATE_SUFFIXES for one in (store.folder / "ca").glob("*")):
        do = "put its certificates into ca/ of the trust folder (docs/certificates.md)"
        yield wrong("certificates", "no authority is trusted: nothing can be sealed or delivered", do)
    else:
        yield from _ending(store)


def _keys(settings: Settings, region: str) -> Finding:
    subject = f"keys {region}"
    if settings.keys is None:
        return unseen(subject, "OVERSTAP_KEYS is not set here")
    try:
        keys = load_keys(settings.keys, region)
    except OverstapError as error:
        return wrong(subject, f"{error.code}: {error.message_en}", f"overstap ledger keys {region}")
    return good(subject, f"{len(keys.ids)}, the newest is {keys.newest}")


def _board_keys(settings: Settings, region: str) -> Finding:
    """Check the board's keys for contact with schools, against the content keys where this process has both."""
    subject, do = f"board's keys {region}", f"overstap ledger board-keys {region}"
    if settings.board_keys is None:
        return unseen(subject, "OVERSTAP_BOARD_KEYS is not set here")
    try:
        board = load_board_keys(settings.board_keys, region)
        if settings.keys is not None:
            missing, other = compare_board_keys(load_keys(settings.keys, region), settings.board_keys)
            if other:
                said = f"{len(other)} are not of this region's content keys, such as {other[0]}: tasks read none of it"
                return wrong(subject, said, f"remove them from the board's folder, then: {do}")
            if missing:
                return wrong(subject, f"{len(missing)} are not there, such as {missing[0]}", do)
    except OverstapError as error:
        if error.code == "LEDGER-001":
            return wrong(subject, "there are none: the board keeps and shows no contact with schools", do)
        return wrong(subject, f"{error.code}: {error.message_en}", error.do_en)
    return good(subject, f"{len(board.ids)}, the newest is {board.newest}")


def _role(settings: Settings, region: str) -> Iterator[Finding]:
    if settings.ledger is None or settings.keys is None:
        return
    ledger = open_ledger(settings)
    try:
        with ledger.unit(region, "doctor") as unit:
            schools.known(unit)
        yield good(f"ledger {region}", "the region is there")
    except OverstapError as error:
        if error.code != "LEDGER-001":  # reported by the check of keys
            do = "docker compose run --rm init" if error.code == "LEDGER-007" else error.do_en
            yield wrong(f"ledger {region}", f"{error.code}: {error.message_en}", do)
    except psycopg.errors.UndefinedTable:
        yield wrong(f"ledger {region}", "the ledger has no tables yet", "docker compose run --rm init")
    finally:
        ledger.close()


def _certificates(store: TrustStore, agreement: Agreement) -> Iterator[Finding]:
    at, region = now(), agreement.region
    do = f"docs/certificates.md: overstap trust request {region}"
    faults = []
    wanted = [("calls schools", store.conductor_identity), ("signs evidence", store.conductor_signing)]
    receiving = [school for school in agreement.schools if school.receives is not None]
    if any(school.receives_at_desk for school in receiving):
        wanted.append(("is called by schools", store.conductor_desk))
    for use, identity in wanted:
        try:
            identity(region, at=at)
        except OverstapError as error:
            faults.append(wrong(f"certificates {region}", f"the conductor's that {use}: {error.message_en}", do))
    receiving = [school for school in receiving if not school.collects_on_page]
    for school in receiving:
        try:
            store.recipient(school.id, at=at)
        except OverstapError as error:
            faults.append(wrong(f"certificates {region}", f"{school.id}: {error.message_en}", error.do_en))
    yield from faults
    if not faults:
        yield good(f"certificates {region}", f"the conductor's and those of {len(receiving)} receiving schools")


def _ending(store: TrustStore) -> Iterator[Finding]:
    at = now()
    for one in expiring(store, at=at):
        make = wrong if one.until < at else mind
        yield make(f"ends {one.name}", sentence(one, at=at, language="en"), "renew it: docs/certificates.md")
    if not expiring(store, at=at):
        yield good("certificates", f"none ends within {AHEAD_DAYS} days")
