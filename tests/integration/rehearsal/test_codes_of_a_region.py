"""A dossier with a code of the region's own is accepted with a note, and its meaning is read in the PDF."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from overstap.agreements import RoundKind, load_agreement
from overstap.agreements.model import OwnCode
from overstap.agreements.national import national_year
from overstap.agreements.rehearsal import RehearsalAssumptions
from overstap.review.meeting import print_dossier
from overstap.simulation.rehearsal.play import RehearsalEvent, RehearsalWays, RoundRehearsal
from overstap.simulation.rehearsal.year import rehearse_year
from overstap.simulation.synthetic.writing import write_school
from overstap_tools.local.temporary import temporary_server
from overstap_tools.project import PROJECT

PUPILS = 6
LABEL = "Toets van ooit en later"
_OLD, _NEW = b"<relatietotkind>", b"<relatietotkind>zw<"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[RehearsalEvent], dict[str, Any]]:
    """The events of a round in which every dossier has a code of the region's own, and what was seen at its end."""
    end = RoundRehearsal._end_review
    seen: dict[str, Any] = {"pdf": [], "findings": []}

    def write_with_code(region: Any, school: Any, folder: Path) -> None:
        write_school(region, school, folder)
        for path in sorted((folder / "drop").rglob(f"{school.id}/*.xml")):
            data = path.read_bytes()
            start = data.index(_OLD)
            stop = data.index(b"<", start + len(_OLD))
            path.write_bytes(data[:start] + _NEW + data[stop + 1 :])

    def end_and_look(rehearsal: RoundRehearsal) -> Iterator[RehearsalEvent]:
        context = rehearsal._round("look")
        with context.unit("look") as unit:
            seen["findings"] = unit.rows("select rule, severity, count(*) from overstap.finding group by 1, 2")
            dossiers = unit.rows("select dossier, primary_school from overstap.dossier")
        for dossier, school in dossiers:
            who = {"round_id": context.round_id, "school": school, "pupil": dossier}
            seen["pdf"].append(print_dossier(context.ledger, region=context.region, actor="look", **who))
        yield from end(rehearsal)

    agreement = load_agreement(PROJECT / "include" / "regions" / "utrecht" / "2026-2027.yaml")
    own = (OwnCode(list="41", code="zw", label=LABEL),)
    rounds = {RoundKind.ADVICE: agreement.round(RoundKind.ADVICE)}
    agreement = agreement.model_copy(update={"rounds": rounds, "own_codes": own})
    with pytest.MonkeyPatch.context() as patch, temporary_server() as server:
        patch.setattr(RoundRehearsal, "_end_review", end_and_look)
        who: dict[str, Any] = {"seed": 4, "pupils": PUPILS, "schools": 1}
        assumed = RehearsalAssumptions(late=0, silent=0)
        who |= {"assumptions": assumed, "ways": RehearsalWays(hand_in=write_with_code)}
        events = list(rehearse_year(agreement, national_year("2026-2027"), server=server, **who))
    return events, seen


def test_it_is_accepted_with_a_note(played: tuple[list[RehearsalEvent], dict[str, Any]]) -> None:
    events, seen = played
    [closed] = [one for one in events if one.what == "closed"]
    assert closed.facts["confirmed"] == PUPILS
    rules = {rule: (severity, count) for rule, severity, count in seen["findings"]}
    severity, count = rules["OV-CL-01"]
    assert severity == "note"
    assert count >= PUPILS
    assert "CL41" not in rules


def test_its_meaning_is_read_in_the_pdf(played: tuple[list[RehearsalEvent], dict[str, Any]]) -> None:
    _, seen = played
    assert seen["pdf"]
    for pdf in seen["pdf"]:
        text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
        assert LABEL in " ".join(text.split())
