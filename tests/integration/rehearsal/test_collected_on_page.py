"""A rehearsed round in which one secondary school has no system: from its page to a confirmation by account."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from overstap.agreements import RoundKind, load_agreement
from overstap.agreements.national import national_year
from overstap.agreements.rehearsal import RehearsalAssumptions
from overstap.delivery.channels.page import OnPage, PageChannel
from overstap.ledger import Ledger, accounts
from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.migrate import set_password
from overstap.ledger.region_keys import sha256
from overstap.pages.school.collecting import CollectingOperations
from overstap.simulation.rehearsal import families
from overstap.simulation.rehearsal.play import RehearsalEvent, RoundRehearsal
from overstap.simulation.rehearsal.year import rehearse_year
from overstap_tools.local.temporary import temporary_server
from overstap_tools.project import PROJECT

ACCOUNT, PASSWORD = "administratie@vo.example", "a-password-of-the-pages"


def test_collected_and_confirmed_by_account() -> None:
    seen: dict[str, Any] = {}
    make, play, close = families.make_participants, RoundRehearsal._deliver, RoundRehearsal._close

    def with_page(agreement: Any, **who: Any) -> Any:
        region, made = make(agreement, **who)
        first = region.secondary[0].id
        schools = [
            one.model_copy(update={"receives": OnPage(way="page")}) if one.id == first else one for one in made.schools
        ]
        return region, made.model_copy(update={"schools": tuple(schools)})

    def deliver(rehearsal: RoundRehearsal) -> Iterator[RehearsalEvent]:
        by_certificate, page = rehearsal._context.channel, rehearsal.region.secondary[0].id

        @contextmanager
        def either(school: Any, **how: Any) -> Iterator[Any]:
            if school.id == page:
                yield PageChannel()
            else:
                with by_certificate(school, **how) as way:
                    yield way

        object.__setattr__(rehearsal._context, "channel", either)
        yield from play(rehearsal)
        seen["confirmed"] = seen.get("confirmed", 0) + collect(rehearsal, page)

    def collect(rehearsal: RoundRehearsal, school: str) -> int:
        database = conninfo_to_dict(str(rehearsal._context.settings.ledger))["dbname"]
        owner = make_conninfo(servers[-1], dbname=database)
        set_password(owner, "overstap_school", PASSWORD)
        with rehearsal._round("beheer").unit("beheer") as unit:
            accounts.put_account(unit, ACCOUNT, school, "Een medewerker", "scrypt")
        session = sha256(uuid4().bytes)
        with psycopg.connect(owner, autocommit=True) as connection:
            connection.execute(
                "insert into overstap.school_stay (finds, account, has_shown) values (%s, %s, true)", [session, ACCOUNT]
            )
        login = {"user": "overstap_school", "password": PASSWORD}
        settings = rehearsal._context.settings
        ledger = Ledger(make_conninfo(str(settings.ledger), **login), settings.keys)
        operations = CollectingOperations(lambda: nullcontext(ledger))
        account = SchoolAccount(ACCOUNT, rehearsal.region.name, school, "Een medewerker")
        page = operations.page(account, session)
        ids = [one.delivery.message_id for each in page.rounds for one in each.pupils]
        for form in ("both", "sheet") if ids else ():
            assert operations.collect(account, session, ids, form) is not None
        confirmed = operations.confirm(account, session, ids)
        ledger.close()
        assert confirmed is not None
        return confirmed

    def close_and_look(rehearsal: RoundRehearsal) -> Iterator[RehearsalEvent]:
        yield from close(rehearsal)
        with rehearsal._round("look").unit("look") as unit:
            seen["kinds"] = dict(
                unit.rows(
                    "select key_id is not null, count(*) from overstap.delivery where state = 'confirmed' group by 1"
                )
            )
            seen["receipts"] = unit.one("select count(*) from overstap.receipt where outcome = 'accepted'")[0]

    servers: list[str] = []
    agreement = load_agreement(PROJECT / "include" / "regions" / "utrecht" / "2026-2027.yaml")
    agreement = agreement.model_copy(update={"rounds": {RoundKind.ADVICE: agreement.round(RoundKind.ADVICE)}})
    with pytest.MonkeyPatch.context() as patch, temporary_server() as server:
        servers.append(server)
        patch.setattr("overstap.simulation.rehearsal.year.make_participants", with_page)
        patch.setattr(RoundRehearsal, "_deliver", deliver)
        patch.setattr(RoundRehearsal, "_close", close_and_look)
        who = {"seed": 4, "pupils": 12, "schools": 2, "assumptions": RehearsalAssumptions(late=0, silent=0)}
        events = list(rehearse_year(agreement, national_year("2026-2027"), server=server, **who))
    closed = next(one for one in events if one.what == "closed")
    assert closed.facts["breaches"] == 0
    assert closed.facts["given_up"] == 0
    assert seen["confirmed"] == seen["kinds"][True] > 0
    assert seen["receipts"] == seen["kinds"][False] > 0
