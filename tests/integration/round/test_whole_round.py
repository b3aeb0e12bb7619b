"""A round through Airflow itself (`dag.test()`), with real receivers, a LAS database, garbage, and a late school."""

from collections import Counter

from overstap.agreements.model import RegistrationStage
from overstap.ledger.rounds.counts import primary_schools, secondary_schools
from overstap.simulation.synthetic.pupil import SyntheticFault, SyntheticPupil
from overstap.simulation.synthetic.school import SchoolBehaviour

from .conftest import Chapter, PlayedRound, listed_keys
from .deployment import RegionDeployment

MAY_RECEIVE = {RegistrationStage.REGISTERED, RegistrationStage.PLACED}


def receivers(pupil: SyntheticPupil) -> set[str]:
    return {choice.school_id for choice in pupil.choices if choice.stage in MAY_RECEIVE}


def is_faulty(pupil: SyntheticPupil) -> bool:
    """Return whether a dossier is to be rejected. A secret address never gets in: it is cut off when it is read."""
    return pupil.fault not in (None, SyntheticFault.SECRET_WITH_ADDRESS)


def taken(deployment: RegionDeployment) -> list[SyntheticPupil]:
    """Return the pupils whose dossier must be accepted: no fault in it, and not supplied twice."""
    twice = [
        next(deployment.region.pupils(one))
        for one in deployment.region.primary
        if one.behaviour is SchoolBehaviour.LITTERED
    ]
    return [pupil for pupil in deployment.region.pupils() if not is_faulty(pupil) and pupil not in twice]


def mapped(chapter: Chapter, task: str) -> list[str]:
    return [chapter.played.tasks[name] for name in sorted(chapter.played.tasks) if name.startswith(f"{task}[")]


def test_a_refusal_at_the_gate_lets_nothing_out(played_round: PlayedRound) -> None:
    assert played_round.refused.played.tasks["release[0]"] == "failed"
    assert played_round.refused.releases == [(False, played_round.deployment.coordinator, "Afgesproken", 0)]
    assert set(played_round.refused.states) == {"accepted", "rejected"}
    assert played_round.refused.stored.total() == 0


def test_marking_the_gate_a_success_releases_nothing(played_round: PlayedRound) -> None:
    assert played_round.bypassed.played.tasks["release[0]"] == "success"
    assert played_round.bypassed.played.tasks["invite"] == "failed"
    assert ("invite", None, "GATE-010", "region", False) in played_round.bypassed.red
    assert played_round.bypassed.played.tasks["close"] == "upstream_failed"
    assert played_round.bypassed.played.state == "failed"
    assert played_round.bypassed.states == played_round.refused.states
    assert played_round.bypassed.releases == played_round.refused.releases
    assert played_round.bypassed.rows["delivery"] == []
    assert not played_round.bypassed.actions["evidence.checkpoint"], "nothing was closed"
    assert played_round.bypassed.stored.total() == 0


def test_skipping_the_gate_releases_nothing_and_leaves_no_green_run(played_round: PlayedRound) -> None:
    skipped = played_round.skipped
    assert skipped.played.tasks["release[0]"] == "skipped"
    assert skipped.played.tasks["invite"] == "failed"
    assert ("invite", None, "GATE-010", "region", False) in skipped.red
    assert skipped.played.state == "failed"
    assert skipped.states == played_round.refused.states
    assert skipped.releases == played_round.refused.releases
    assert skipped.rows["delivery"] == []
    assert not skipped.actions["evidence.checkpoint"], "nothing was closed"


def test_an_answer_of_another_account_releases_nothing(played_round: PlayedRound) -> None:
    assert played_round.by_stranger.played.tasks["release[0]"] == "failed"
    assert played_round.by_stranger.releases == played_round.refused.releases
    assert played_round.by_stranger.states == played_round.refused.states


def test_marking_the_gate_before_delivery_a_success_delivers_nothing(played_round: PlayedRound) -> None:
    past = played_round.past_delivery_gate
    assert past.played.tasks["release_for_delivery[0]"] == "success"
    assert past.played.tasks["seal"] == "failed"
    assert ("seal", None, "GATE-004", "region", False) in past.red
    assert past.states["inspected"] > 0
    assert past.rows["delivery"] == []
    assert past.stored.total() == 0


def test_not_yet_holds_the_delivery_and_then_the_closing(played_round: PlayedRound) -> None:
    assert played_round.undecided.played.tasks["release_for_delivery[0]"] == "failed"
    assert played_round.undecided.played.tasks["seal"] == "upstream_failed"
    assert ("release_for_delivery", None, "GATE-007", "region", False) in played_round.undecided.red
    assert played_round.undecided.stored.total() == 0
    assert played_round.not_accepted.played.tasks["accept_undeliverable[0]"] == "failed"
    assert ("accept_undeliverable", None, "GATE-008", "region", False) in played_round.not_accepted.red
    assert played_round.not_accepted.stored.total() > 0
    assert played_round.past_last_gate.played.tasks == {"close": "failed", "complete": "failed"}
    assert ("complete", None, "GATE-012", "region", False) in played_round.past_last_gate.red
    assert ("close", None, "GATE-009", "region", False) in played_round.past_last_gate.red
    signed = played_round.undecided.actions["evidence.checkpoint"]
    assert played_round.past_last_gate.actions["evidence.checkpoint"] == signed, "nothing was closed"


def test_what_is_unusual_and_what_did_not_arrive_is_decided_by_the_coordinator(played_round: PlayedRound) -> None:
    [late] = [one for one in played_round.deployment.region.primary if one.behaviour is SchoolBehaviour.LATE]
    held = played_round.deployment.rows(
        "select h.gate, h.reason, h.subject, g.decided_by, g.approved from overstap.gate_hold h "
        "join overstap.gate_decision g on g.gate_decision = h.settled_by order by h.raised_at"
    )
    coordinator = (played_round.deployment.coordinator, True)
    assert ("release_for_delivery", "school_missing", late.id, *coordinator) in held
    assert ("accept_undeliverable", "no_receiver", "", *coordinator) in held
    assert {(by, approved) for *_, by, approved in held} == {coordinator}
    assert played_round.deployment.count("gate_hold") == len(held)


def test_a_late_school_holds_up_nobody_and_shows_red(played_round: PlayedRound) -> None:
    late = [one.behaviour is SchoolBehaviour.LATE for one in played_round.deployment.region.primary]
    assert mapped(played_round.first, "collect") == ["failed" if is_late else "success" for is_late in late]
    assert played_round.first.played.tasks["complete"] == "upstream_failed"
    assert played_round.first.played.tasks["close"] == "success"
    assert played_round.first.states["confirmed"] > 0


def test_the_late_school_is_brought_in_by_a_question_of_its_own(played_round: PlayedRound) -> None:
    assert played_round.complete.played.state == "success"
    assert set(played_round.complete.played.tasks.values()) == {"success"}
    assert played_round.complete.played.labels["collect_guests[0]"] == "Ophalen - geen school uitgenodigd"
    assert [(approved, by) for approved, by, _, _ in played_round.complete.releases[1:]] == [
        (True, played_round.deployment.coordinator)
    ] * 2
    [late] = [one for one in played_round.deployment.region.primary if one.behaviour is SchoolBehaviour.LATE]
    assert played_round.complete.releases[-1][-1] == late.size
    delivered = set(played_round.complete.rows["delivery"]) - set(played_round.first.rows["delivery"])
    assert not set(played_round.first.rows["delivery"]) - set(played_round.complete.rows["delivery"])
    assert delivered


def test_the_ledger_tells_what_is_red_for_whom_and_who_must_act(played_round: PlayedRound) -> None:
    [late] = [one.id for one in played_round.deployment.region.primary if one.behaviour is SchoolBehaviour.LATE]
    missing = ("collect", late, "INTAKE-050", "school", False)
    assert played_round.refused.red == [missing, ("release", None, "GATE-001", "region", False)]
    assert played_round.by_stranger.red[-1] == ("release", None, "GATE-003", "region", False)
    assert missing in played_round.first.red
    assert played_round.complete.red == played_round.again.red == []


def test_labels_in_the_grid_name_schools(played_round: PlayedRound) -> None:
    agreement = played_round.deployment.agreement
    labels = played_round.complete.played.labels
    for task, title, schools in (
        ("collect", "Ophalen", agreement.primary_schools),
        ("deliver", "Versturen", agreement.secondary_schools),
    ):
        expected = {f"{task}[{place}]": f"{title} - {school.label}" for place, school in enumerate(schools)}
        assert {name: label for name, label in labels.items() if name.startswith(f"{task}[")} == expected


def test_every_dossier_ends_where_it_must(played_round: PlayedRound) -> None:
    deployment = played_round.deployment
    seen = {key for school in deployment.region.primary for key in listed_keys(deployment, school)}
    expected: Counter[str] = Counter()
    for pupil in taken(deployment):
        state = "confirmed" if receivers(pupil) else "no_receiver"
        expected[state if pupil.las_key in seen else "not_inspected"] += 1
    states = played_round.complete.states
    assert {name: count for name, count in states.items() if name != "rejected"} == expected
    assert min(expected["confirmed"], expected["not_inspected"]) > 0


def test_counts_per_school(played_round: PlayedRound) -> None:
    deployment = played_round.deployment
    with deployment.ledger() as ledger, ledger.unit("alfa", "test") as unit:
        primary = {one.school: one for one in primary_schools(unit, deployment.round_id)}
        secondary = {one.school: one for one in secondary_schools(unit, deployment.round_id)}
    accepted = taken(deployment)
    for school in deployment.region.primary:
        counted = primary[school.id]
        mine = [pupil for pupil in accepted if pupil.school == school]
        seen = [pupil for pupil in mine if pupil.las_key in listed_keys(deployment, school)]
        assert counted.inspected == len(seen), school.id
        assert counted.states["confirmed"] == sum(bool(receivers(pupil)) for pupil in seen), school.id
        assert counted.expected == sum(bool(pupil.choices) for pupil in deployment.region.pupils(school)), school.id
        faulty = [pupil for pupil in deployment.region.pupils(school) if is_faulty(pupil)]
        refused = counted.states["rejected"] + counted.refused_files.total()
        if school.behaviour is SchoolBehaviour.FAULTY:
            assert faulty
            assert refused == len(faulty)
        elif school.behaviour is SchoolBehaviour.LITTERED:
            assert counted.refused_files["INTAKE-053"] == 2
            assert len(counted.refused_files) > 8
        else:
            assert refused == 0, school.id
    inspected = {
        pupil.las_key: receivers(pupil) for pupil in accepted if pupil.las_key in listed_keys(deployment, pupil.school)
    }
    expected = Counter(school for schools in inspected.values() for school in schools)
    for school_id, one in secondary.items():
        assert (one.sealed, one.confirmed, one.refused) == (expected[school_id], expected[school_id], 0)
    assert played_round.complete.stored == expected


def test_a_rerun_of_the_whole_dag_changes_nothing(played_round: PlayedRound) -> None:
    assert played_round.again.played.state == "success"
    assert played_round.again.rows == played_round.complete.rows
    assert played_round.again.stored == played_round.complete.stored
    more = played_round.again.actions - played_round.complete.actions
    assert set(more) == {"evidence.checkpoint"}  # closing signs what came since


def test_all_invariants_hold(played_round: PlayedRound) -> None:
    assert played_round.deployment.breaches() == []


def test_the_report_counts_schools_and_names_no_pupil(played_round: PlayedRound) -> None:
    region, year, kind = played_round.deployment.round_id.split(".")
    html = (played_round.deployment.reports / region / year / f"{kind}.html").read_text(encoding="utf-8")
    table = (played_round.deployment.reports / region / year / f"{kind}.csv").read_text(encoding="utf-8-sig")
    for school in played_round.deployment.agreement.schools:
        assert school.label in table
        assert school.name in html
    for pupil in played_round.deployment.region.pupils():
        assert pupil.number not in html + table
        assert pupil.las_key not in html + table
