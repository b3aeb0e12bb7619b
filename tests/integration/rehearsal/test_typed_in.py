"""Pupils whom a school typed in on its pages go from the form to the receipt, beside those of other schools."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from overstap.agreements import RoundKind, load_agreement
from overstap.agreements.national import national_year
from overstap.agreements.rehearsal import RehearsalAssumptions
from overstap.intake.sources.typed import TypedIn
from overstap.ledger import Ledger
from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.dossiers.typed import TypedAnswer
from overstap.ledger.migrate import set_password
from overstap.pages.school.typed_operations import TypedOperations
from overstap.simulation.rehearsal import families
from overstap.simulation.rehearsal.play import RehearsalEvent, RoundRehearsal
from overstap.simulation.rehearsal.year import rehearse_year
from overstap.simulation.synthetic.writing import dossiers as synthetic
from overstap.typed.answers import answers_of
from overstap.typed.form import FormFieldKind
from overstap_tools.local.temporary import temporary_server
from overstap_tools.project import PROJECT

PUPILS = 8
PASSWORD = "a-password-of-the-pages"


@pytest.fixture(scope="module")
def played() -> tuple[list[RehearsalEvent], dict[str, Any]]:
    """The events of a round in which one school typed its pupils in, and what stood in the ledger at its end."""
    supply, close = RoundRehearsal._supply, RoundRehearsal._close
    seen: dict[str, Any] = {"typed": 0, "faults": []}

    def type_in(rehearsal: RoundRehearsal, school: Any, *, is_late: bool) -> Iterator[RehearsalEvent]:
        if school.id != rehearsal.region.primary[0].id:
            yield from supply(rehearsal, school, is_late=is_late)
            return
        set_password(server_of(rehearsal), "overstap_school", PASSWORD)
        login = {"user": "overstap_school", "password": PASSWORD}
        pages = make_conninfo(str(rehearsal._context.settings.ledger), **login)
        ledger = Ledger(pages, rehearsal._context.settings.keys)
        operations = TypedOperations(lambda: nullcontext(ledger))
        account = SchoolAccount("juf@school.example", rehearsal.region.name, school.id, "De juf")
        for _, dossier in synthetic(rehearsal.region):
            if dossier.sender != school.id:
                continue
            draft = operations.begin(account, rehearsal.round_id)
            found = operations.draft(account, rehearsal.round_id, draft)
            answers = answers_of(found.round.form, dossier.school or {})
            for step in found.round.form.steps:
                number = found.steps[step.name].number if step.name in found.steps else 0
                given = [
                    (path, text)
                    for path, text in answers.items()
                    if (field := found.round.form.field_at(path)) is not None and field.kind is not FormFieldKind.FILE
                ]
                operations.save(account, rehearsal.round_id, draft, step, number, given)
            found = operations.draft(account, rehearsal.round_id, draft)
            seen["faults"] += [one for one in found.findings if one.severity == "error"]
            answer = operations.hand_in(account, rehearsal.round_id, draft, found.draft.version)
            assert answer is TypedAnswer.HANDED_IN
            seen["typed"] += 1
        ledger.close()
        rehearsal._supplied.add(school.id)
        yield rehearsal._saw("supplied", school=rehearsal._label(school.id))

    def close_and_look(rehearsal: RoundRehearsal) -> Iterator[RehearsalEvent]:
        yield from close(rehearsal)
        with rehearsal._round("look").unit("look") as unit:
            seen["states"] = unit.rows(
                "select v.source, d.state, count(*) from overstap.dossier d join overstap.dossier_version v "
                "on v.dossier = d.dossier and v.number = d.version group by 1, 2 order by 1, 2"
            )
            seen["receipts"] = unit.one(
                "select count(distinct l.dossier) from overstap.receipt r join overstap.delivery l using (message_id) "
                "join overstap.dossier_version v on v.dossier = l.dossier and v.number = l.number "
                "where r.outcome = 'accepted' and v.source = 'typed'"
            )[0]

    make = families.make_participants

    def with_paper(agreement: Any, **who: Any) -> Any:
        region, made = make(agreement, **who)
        first = region.primary[0].id
        schools = [one.model_copy(update={"supplies": TypedIn()}) if one.id == first else one for one in made.schools]
        return region, made.model_copy(update={"schools": tuple(schools)})

    agreement = load_agreement(PROJECT / "include" / "regions" / "utrecht" / "2026-2027.yaml")
    agreement = agreement.model_copy(update={"rounds": {RoundKind.ADVICE: agreement.round(RoundKind.ADVICE)}})
    with pytest.MonkeyPatch.context() as patch, temporary_server() as server:
        servers.append(server)
        patch.setattr("overstap.simulation.rehearsal.year.make_participants", with_paper)
        patch.setattr(RoundRehearsal, "_supply", type_in)
        patch.setattr(RoundRehearsal, "_close", close_and_look)
        who = {"seed": 4, "pupils": PUPILS, "schools": 2, "assumptions": RehearsalAssumptions(late=0, silent=0)}
        events = list(rehearse_year(agreement, national_year("2026-2027"), server=server, **who))
    return events, seen


servers: list[str] = []


def server_of(rehearsal: RoundRehearsal) -> str:
    database = conninfo_to_dict(str(rehearsal._context.settings.ledger))["dbname"]
    return make_conninfo(servers[-1], dbname=database)


def test_typed_pupils_come_to_their_receipts(played: tuple[list[RehearsalEvent], dict[str, Any]]) -> None:
    events, seen = played
    assert seen["faults"] == []
    assert seen["typed"] >= 3
    counts = {(source, state): count for source, state, count in seen["states"]}
    assert counts["typed", "confirmed"] == seen["receipts"]
    assert sum(count for (source, _), count in counts.items() if source == "typed") == seen["typed"]
    assert counts["drop_folder", "confirmed"] > 0
    closed = next(one for one in events if one.what == "closed")
    assert closed.facts["breaches"] == 0
    assert counts["typed", "confirmed"] >= seen["typed"] - 1, "one pupil may have no receiver"
