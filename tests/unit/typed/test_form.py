"""The form that is made from the catalogue: what a profile and an agreement allow, and what is asked first."""

import pytest

from overstap.oso.catalogue import PROFILES, catalogue
from overstap.oso.minimisation import minimise
from overstap.oso.reading import read
from overstap.oso.traversal import fields
from overstap.oso.tree import Node
from overstap.oso.writing import to_bytes
from overstap.simulation.synthetic.writing import dossiers as synthetic
from overstap.typed.form import TOP, FormBlock, FormField, form_of, newest_version, walk
from overstap_tools.bench.sandbox import region_of

ALL = frozenset(catalogue("2019.1").categories) - {"?"}


def names(profile: str, categories: frozenset[str] = ALL) -> set[str]:
    return set(form_of("2019.1", profile, categories).fields)


def test_what_a_profile_forbids_is_not_asked() -> None:
    povo, swv, popo = names("POVO"), names("POSWV"), names("POPO")
    for denied in ("geboortemaand", "postcode4adres", "geboorteplaats", "nationaliteit"):
        assert f"leerling/{denied}" not in povo, denied
    assert "leerling/bsn" in povo
    assert not {"leerling/bsn", "leerling/onderwijsnummer"} & swv, "rule PaO.LL12"
    assert "leerling/naampeuterspeelzaal" in popo
    assert "leerling/naampeuterspeelzaal" not in povo, "category vve is VERBODEN"
    assert "leerling/bevorderd/leerjaar" not in povo
    assert "leerling/bevorderd/leerjaar" in names("VOVO")


def test_what_the_region_did_not_agree_on_is_not_asked() -> None:
    without, with_all = names("POVO", frozenset()), names("POVO")
    assert "leerling/verzuim/dagdelengeoorloofd" in with_all
    assert not {one for one in without if "verzuim" in one or "toetslijst" in one or "onderwijsondersteuning" in one}
    plans = form_of("2019.1", "POVO", frozenset({"handelingsplannen"}))
    assert [one.name for one in plans.steps if not one.is_mandatory] == ["handelingsplannen"]
    assert "leerling/onderwijsondersteuning/handelingsplan[]/startdatum" in plans.fields
    assert "leerling/onderwijsondersteuning/medicijngebruik" not in plans.fields


@pytest.mark.parametrize("profile", PROFILES)
def test_each_field_that_may_be_sent_is_in_one_step_and_no_other(profile: str) -> None:
    form = form_of("2019.1", profile, ALL)
    seen: list[str] = []
    for step in form.steps:
        for each in walk(step.block):
            if isinstance(each, FormField):
                seen.append(each.path)
                assert form.step_of[each.path] == step.name
                assert each.label
                assert each.help
    assert len(seen) == len(set(seen))
    assert set(seen) == set(form.fields)
    withheld = {(one.block, one.name) for one in catalogue("2019.1").withheld(profile) if not one.when}
    assert not withheld & {(one.field.block, one.field.name) for one in form.fields.values()}
    asked = {_plain(path) for path in seen}
    made_here = {"brincode", "vestigingscode", "aanleverpunt"}
    for place in catalogue("2019.1").walk():
        path = place.path.removeprefix(TOP)
        if not place.path.startswith(TOP) or place.field.contains or path in made_here:
            continue
        mark = catalogue("2019.1").matrix[profile][place.category]
        parts = path.split("/")
        if mark == "VERBODEN" or (place.field.block, place.field.name) in withheld:
            assert path not in asked, path
        elif place.field.name in ("straat", "nummer", "toevoeging") and parts[-2] == "adres":
            assert "/".join([*parts[:-1], "~straat"]) in asked, path
        elif place.field.name != "bestandsnaam" and not _is_below_withheld(path, withheld):
            assert path in asked, path


def _plain(path: str) -> str:
    return path.replace("[]", "")


def _is_below_withheld(path: str, withheld: set[tuple[str, str]]) -> bool:
    names_withheld = {name for _, name in withheld}
    return any(part in names_withheld for part in path.split("/"))


def test_no_field_of_a_denied_category_survives_minimisation_either() -> None:
    """The form asks nothing that the intake would throw away: what it makes is what minimisation leaves."""
    form = form_of("2019.1", "POVO", frozenset({"verzuim"}))
    asked = {_plain(path) for path in form.fields}
    _, dossier = next(iter(synthetic(region_of("alfa", 4, newest_day()))))
    for each in fields(minimise(read(to_bytes(dossier)), "POVO", frozenset({"verzuim"}))):
        path = each.path.removeprefix(TOP)
        if not each.path.startswith(TOP) or isinstance(each.value, Node):
            continue
        plain = "/".join(part.partition("[")[0] for part in path.split("/"))
        last = plain.rpartition("/")[2]
        if last in ("straat", "nummer", "toevoeging"):
            plain = f"{plain.rpartition('/')[0]}/~straat" if "adres/" in plain else plain
        assert plain in asked or plain in ("brincode", "vestigingscode", "aanleverpunt"), plain


def newest_day():  # type: ignore[no-untyped-def]
    from overstap.clock import dutch_time, now

    return dutch_time(now()).date()


def test_what_the_receiver_needs_comes_first() -> None:
    form = form_of("2019.1", "POVO", ALL)
    assert [one.name for one in form.steps if one.is_mandatory] == [
        *("leerling", "oudersverzorgers", "schoolloopbaan", "overstapadvies", "school"),
    ]
    pupil = form.steps[0].block
    first = [each.path.rpartition("/")[2] for each in pupil.members if each.is_first]
    assert first == [
        *("voornaam", "voorvoegsel", "achternaam", "roepnaam", "geboortedatum", "geslacht", "adresgeheim"),
        *("adreslijst", "bsn", "datuminschrijving"),
    ]
    required = {path for path, one in form.fields.items() if one.is_required}
    assert "leerling/voornaam" in required, "rule OVa.LL01, though the schema does not require it"
    assert "leerling/roepnaam" not in required
    for step in form.steps:
        for block in walk(step.block):
            assert not isinstance(block, FormBlock) or block.members


def test_the_newest_version_is_one_that_can_be_used() -> None:
    assert newest_version() == "2019.1"
