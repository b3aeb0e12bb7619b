"""A round through Airflow itself (`dag.test()`), with real receivers, a LAS database, garbage, and a late school."""

from collections import Counter

from overstap.agreements.model import RegistrationStage
from overstap.ledger.rounds.counts import primary_schools, secondary_schools
from overstap.simulation.synthetic.pupil import SyntheticFault, SyntheticPupil
from overstap.simulation.synthetic.school import Character

from .conftest import Chapter, Story, listed_keys
from .house import House

MAY_RECEIVE = {RegistrationStage.REGISTERED, RegistrationStage.PLACED}


def receivers(pupil: SyntheticPupil) -> set[str]:
    return {choice.school_id for choice in pupil.choices if choice.stage in MAY_RECEIVE}


def is_faulty(pupil: SyntheticPupil) -> bool:
    """Return whether a dossier is to be rejected. A secret address never gets in: it is cut off when it is read."""
    return pupil.fault not in (None, SyntheticFault.SECRET_WITH_ADDRESS)


def taken(house: House) -> list[SyntheticPupil]:
    """Return the pupils whose dossier must be accepted: no fault in it, and not supplied twice."""
    twice = [next(house.region.pupils(one)) for one in house.region.primary if one.character is Character.LITTERED]
    return [pupil for pupil in house.region.pupils() if not is_faulty(pupil) and pupil not in twice]


def mapped(chapter: Chapter, task: str) -> list[str]:
    return [chapter.played.tasks[name] for name in sorted(chapter.played.tasks) if name.startswith(f"{task}[")]


def test_a_refusal_at_the_gate_lets_nothing_out(story: Story) -> None:
    assert story.refused.played.tasks["release[0]"] == "failed"
    assert story.refused.releases == [(False, story.house.coordinator, "Afgesproken", 0)]
    assert set(story.refused.states) == {"accepted", "rejected"}
    assert story.refused.stored.total() == 0


def test_marking_the_gate_a_success_releases_nothing(story: Story) -> None:
    assert story.bypassed.played.tasks["release[0]"] == "success"
    assert story.bypassed.played.tasks["invite"] == "failed"
    assert ("invite", None, "GATE-010", "region", False) in story.bypassed.red
    assert story.bypassed.played.tasks["close"] == "upstream_failed"
    assert story.bypassed.played.state == "failed"
    assert story.bypassed.states == story.refused.states
    assert story.bypassed.releases == story.refused.releases
    assert story.bypassed.rows["delivery"] == []
    assert not story.bypassed.actions["evidence.checkpoint"], "nothing was closed"
    assert story.bypassed.stored.total() == 0


def test_an_answer_of_another_account_releases_nothing(story: Story) -> None:
    assert story.by_stranger.played.tasks["release[0]"] == "failed"
    assert story.by_stranger.releases == story.refused.releases
    assert story.by_stranger.states == story.refused.states


def test_marking_the_gate_before_delivery_a_success_delivers_nothing(story: Story) -> None:
    past = story.past_delivery_gate
    assert past.played.tasks["release_for_delivery[0]"] == "success"
    assert past.played.tasks["seal"] == "failed"
    assert ("seal", None, "GATE-004", "region", False) in past.red
    assert past.states["inspected"] > 0
    assert past.rows["delivery"] == []
    assert past.stored.total() == 0


def test_not_yet_holds_the_delivery_and_then_the_closing(story: Story) -> None:
    assert story.undecided.played.tasks["release_for_delivery[0]"] == "failed"
    assert story.undecided.played.tasks["seal"] == "upstream_failed"
    assert ("release_for_delivery", None, "GATE-007", "region", False) in story.undecided.red
    assert story.undecided.stored.total() == 0
    assert story.not_accepted.played.tasks["accept_undeliverable[0]"] == "failed"
    assert ("accept_undeliverable", None, "GATE-008", "region", False) in story.not_accepted.red
    assert story.not_accepted.stored.total() > 0
    assert story.past_last_gate.played.tasks == {"close": "failed"}
    assert ("close", None, "GATE-009", "region", False) in story.past_last_gate.red
    signed = story.undecided.actions["evidence.checkpoint"]
    assert story.past_last_gate.actions["evidence.checkpoint"] == signed, "nothing was closed"


def test_what_is_unusual_and_what_did_not_arrive_is_decided_by_the_coordinator(story: Story) -> None:
    [late] = [one for one in story.house.region.primary if one.character is Character.LATE]
    held = story.house.rows(
        "select h.gate, h.reason, h.subject, g.decided_by, g.approved from overstap.gate_hold h "
        "join overstap.gate_decision g on g.gate_decision = h.settled_by order by h.raised_at"
    )
    coordinator = (story.house.coordinator, True)
    assert ("release_for_delivery", "school_missing", late.id, *coordinator) in held
    assert ("accept_undeliverable", "no_receiver", "", *coordinator) in held
    assert {(by, approved) for *_, by, approved in held} == {coordinator}
    assert story.house.count("gate_hold") == len(held)


def test_a_late_school_holds_up_nobody_and_shows_red(story: Story) -> None:
    late = [one.character is Character.LATE for one in story.house.region.primary]
    assert mapped(story.first, "collect") == ["failed" if is_late else "success" for is_late in late]
    assert story.first.played.tasks["complete"] == "upstream_failed"
    assert story.first.played.tasks["close"] == "success"
    assert story.first.states["confirmed"] > 0


def test_the_late_school_is_brought_in_by_a_question_of_its_own(story: Story) -> None:
    assert story.complete.played.state == "success"
    assert set(story.complete.played.tasks.values()) == {"success"}
    assert [(approved, by) for approved, by, _, _ in story.complete.releases[1:]] == [
        (True, story.house.coordinator)
    ] * 2
    [late] = [one for one in story.house.region.primary if one.character is Character.LATE]
    assert story.complete.releases[-1][-1] == late.size
    delivered = set(story.complete.rows["delivery"]) - set(story.first.rows["delivery"])
    assert not set(story.first.rows["delivery"]) - set(story.complete.rows["delivery"])
    assert delivered


def test_the_ledger_tells_what_is_red_for_whom_and_who_must_act(story: Story) -> None:
    [late] = [one.id for one in story.house.region.primary if one.character is Character.LATE]
    missing = ("collect", late, "INTAKE-050", "school", False)
    assert story.refused.red == [missing, ("release", None, "GATE-001", "region", False)]
    assert story.by_stranger.red[-1] == ("release", None, "GATE-003", "region", False)
    assert missing in story.first.red
    assert story.complete.red == story.again.red == []


def test_labels_in_the_grid_name_schools(story: Story) -> None:
    agreement = story.house.agreement
    labels = story.complete.played.labels
    for task, title, schools in (
        ("collect", "Ophalen", agreement.primary_schools),
        ("deliver", "Versturen", agreement.secondary_schools),
    ):
        expected = {f"{task}[{place}]": f"{title} - {school.label}" for place, school in enumerate(schools)}
        assert {name: label for name, label in labels.items() if name.startswith(task)} == expected


def test_every_dossier_ends_where_it_must(story: Story) -> None:
    house = story.house
    seen = {key for school in house.region.primary for key in listed_keys(house, school)}
    expected: Counter[str] = Counter()
    for pupil in taken(house):
        state = "confirmed" if receivers(pupil) else "no_receiver"
        expected[state if pupil.las_key in seen else "not_inspected"] += 1
    states = story.complete.states
    assert {name: count for name, count in states.items() if name != "rejected"} == expected
    assert min(expected["confirmed"], expected["not_inspected"]) > 0


def test_counts_per_school(story: Story) -> None:
    house = story.house
    with house.ledger() as ledger, ledger.unit("alfa", "test") as unit:
        primary = {one.school: one for one in primary_schools(unit, house.round_id)}
        secondary = {one.school: one for one in secondary_schools(unit, house.round_id)}
    accepted = taken(house)
    for school in house.region.primary:
        counted = primary[school.id]
        mine = [pupil for pupil in accepted if pupil.school == school]
        seen = [pupil for pupil in mine if pupil.las_key in listed_keys(house, school)]
        assert counted.inspected == len(seen), school.id
        assert counted.states["confirmed"] == sum(bool(receivers(pupil)) for pupil in seen), school.id
        assert counted.expected == sum(bool(pupil.choices) for pupil in house.region.pupils(school)), school.id
        faulty = [pupil for pupil in house.region.pupils(school) if is_faulty(pupil)]
        refused = counted.states["rejected"] + counted.refused_files.total()
        if school.character is Character.FAULTY:
            assert faulty
            assert refused == len(faulty)
        elif school.character is Character.LITTERED:
            assert counted.refused_files["INTAKE-053"] == 2
            assert len(counted.refused_files) > 8
        else:
            assert refused == 0, school.id
    inspected = {
        pupil.las_key: receivers(pupil) for pupil in accepted if pupil.las_key in listed_keys(house, pupil.school)
    }
    expected = Counter(school for schools in inspected.values() for school in schools)
    for school_id, one in secondary.items():
        assert (one.sealed, one.confirmed, one.refused) == (expected[school_id], expected[school_id], 0)
    assert story.complete.stored == expected


def test_a_rerun_of_the_whole_dag_changes_nothing(story: Story) -> None:
    assert story.again.played.state == "success"
    assert story.again.rows == story.complete.rows
    assert story.again.stored == story.complete.stored
    more = story.again.actions - story.complete.actions
    assert set(more) == {"evidence.checkpoint"}  # closing signs what came since


def test_all_invariants_hold(story: Story) -> None:
    assert story.house.breaches() == []


def test_the_report_counts_schools_and_names_no_pupil(story: Story) -> None:
    region, year, kind = story.house.round_id.split(".")
    html = (story.house.reports / region / year / f"{kind}.html").read_text(encoding="utf-8")
    table = (story.house.reports / region / year / f"{kind}.csv").read_text(encoding="utf-8-sig")
    for school in story.house.agreement.schools:
        assert school.label in table
        assert school.name in html
    for pupil in story.house.region.pupils():
        assert pupil.number not in html + table
        assert pupil.las_key not in html + table
