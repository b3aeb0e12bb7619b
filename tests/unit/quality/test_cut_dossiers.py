"""A good dossier stays good when it is cut, whatever the region agreed and the school switched off."""

import rule_examples as examples
from hypothesis import given, settings
from hypothesis import strategies as st

from overstap.oso.catalogue import PROFILES
from overstap.oso.minimisation import minimise
from overstap.oso.reading import read
from overstap.oso.structure import check
from overstap.oso.writing import to_bytes
from overstap.quality.findings import DossierSeverity
from overstap.quality.rules import judge

_CATEGORIES = st.frozensets(st.sampled_from(examples.CATEGORIES))


@settings(max_examples=200)
@given(profile=st.sampled_from(PROFILES), agreed=_CATEGORIES, own_choice=_CATEGORIES)
def test_a_cut_dossier_passes_every_rule_of_its_profile(
    profile: str, agreed: frozenset[str], own_choice: frozenset[str]
) -> None:
    dossier = examples.made(profile)
    matrix = dossier.catalogue.matrix[profile]
    data = to_bytes(dossier)
    for name in own_choice:
        if matrix[name] == "OPTIONEEL":
            data = data.replace(f"<cat_{name}>OPTIONEEL<".encode(), f"<cat_{name}>OPT-UIT<".encode())
    small = read(to_bytes(minimise(read(data), profile, agreed)))
    assert check(small) == []
    found = judge(small, today=examples.TODAY, profile=profile)
    assert [each for each in found if each.severity is DossierSeverity.ERROR] == []
