"""Test of a rehearsed placement round with draws, late decisions, withdrawals and a comparison with another region."""

from overstap.agreements import RoundKind, load_agreement
from overstap.agreements.model import Comparison
from overstap.agreements.national import national_year
from overstap.agreements.rehearsal import RehearsalAssumptions
from overstap.simulation.rehearsal.play import RehearsalEvent
from overstap.simulation.rehearsal.year import rehearse_year
from overstap_tools.local.temporary import temporary_server
from overstap_tools.project import PROJECT


def test_a_placement_round_has_draws_withdrawals_and_a_comparison_with_a_region_that_agreed() -> None:
    utrecht = load_agreement(PROJECT / "include" / "regions" / "utrecht" / "2026-2027.yaml")
    played = utrecht.model_copy(
        update={
            "rounds": {RoundKind.PLACEMENT: utrecht.round(RoundKind.PLACEMENT)},
            "comparisons": (Comparison(region="gooi"),),
        }
    )
    with temporary_server() as server:
        seen = list(
            rehearse_year(
                *(played, national_year("2026-2027")),
                server=server,
                seed=4,
                pupils=24,
                schools=1,
                assumptions=RehearsalAssumptions(late=0, silent=0),
            )
        )

    def of(what: str) -> RehearsalEvent:
        [found] = [one for one in seen if one.what == what]
        return found

    listed, compared, delivered, withdrawn = map(of, ("applications", "two_regions", "delivered", "withdrawn"))
    assert all(int(listed.facts[name]) >= 1 for name in ("drawn", "not_drawn", "withdrawn", "undecided"))
    assert int(listed.facts["count"]) > 24
    assert compared.facts == {"region": "gooi", "pupils": 2, "there": 2}
    assert listed.at == compared.at < delivered.at < withdrawn.at
    assert int(withdrawn.facts["taken_back"]) >= 1
    assert of("closed").facts["breaches"] == 0
