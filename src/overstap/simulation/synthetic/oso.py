"""Values of a synthetic pupil's OSO 2019.1 dossier, PO to VO, as exported before inspection."""

import base64
import io
import zipfile
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from random import Random
from typing import Any

from overstap.simulation.synthetic import numbers
from overstap.simulation.synthetic.pupil import (
    SCHOOL_PHONES,
    Carer,
    Quirk,
    Support,
    SyntheticFault,
    SyntheticPupil,
    phone,
)
from overstap.simulation.synthetic.school import Address, PrimarySchool
from overstap.simulation.synthetic.words import words

Values = dict[str, Any]
"""Nested values of a dossier: element name to text, to values, or to a list of either."""

# Domain facts, section 2.1: the POVO column.
_REQUIRED = ("metadata", "ouderinzage", "school", "leerling", "oudersverzorgers", "schoolloopbaan", "overstapadvies")
_OPTIONAL = (
    *("onderwijsondersteuning", "verzuim", "eindtoetsbo", "toetsresultaten", "handelingsplannen"),
    *("cijferlijsten", "bijlagedocs"),
)
_FORBIDDEN = ("vve", "vombo")
_HIDDEN_PHONE = "9999999999"
_HIDDEN_MAIL = "geheim@geheim.geheim"


def values(pupil: SyntheticPupil, *, seed: int, first_year: int, today: date) -> Values:
    """Return the dossier's values, ready for `overstap.oso.building.build`.

    Args:
        pupil: whose dossier; with a `fault` it breaks that rule.
        seed: of the region: tests and wishes vary with it.
        first_year: the year in which the school year begins; the pupil sits in group 8.
        today: date of the export (metadata/datum); nothing in the dossier is later.
    """
    random = Random(f"{seed}:{pupil.position}:dossier")  # noqa: S311 - synthetic data, no secrets
    school = pupil.school
    dossier: Values = {
        "metadata": _metadata(today),
        "overdrachtsoort": "overstapdossier",
        # The block has to be there (OS.cat02, ouderinzage is VERPLICHT); parents have not seen the dossier yet.
        "inzage": {"voorlopigdossier": "false", "inzage": "false"},
        "huidigeschool": {**school_values(school), "leerling": _pupil(pupil, random, first_year, today)},
    }
    if pupil.fault is not None:
        _break(dossier, pupil)
    return dossier


def _metadata(today: date) -> Values:
    categories = {f"cat_{name}": "VERPLICHT" for name in _REQUIRED}
    categories |= {f"cat_{name}": "OPTIONEEL" for name in _OPTIONAL}
    categories |= {f"cat_{name}": "VERBODEN" for name in _FORBIDDEN}
    return {
        "deeldossier": "LASLVS",
        "pakketnaam": "Synthetisch LAS",
        "pakketversie": "1.0",
        "datum": today.isoformat(),
        "standaardversie": "2019.1",
        "validatieversie": "2019.1.1",
        "categorie_uitlevering": categories,
        "overstap": "POVO",
    }


def school_values(school: PrimarySchool) -> Values:
    """Return the `huidigeschool` block without the pupil."""
    return {
        "naam": school.name,
        "adreslijst": {"adres": [_address(school.address, "bezoek")]},
        "communicatielijst": {
            "communicatie": [
                {"soort": "telefoon", "aanduiding": "werk", "nummer": phone(SCHOOL_PHONES + school.first_position)},
                {"soort": "e-mail", "aanduiding": "werk", "nummer": f"{school.id.lower()}@example.org"},
            ]
        },
        "brincode": school.brin,
        "vestigingscode": school.branch,
        "aanleverpunt": "1",
        "soort": "BO",
    }


def _pupil(pupil: SyntheticPupil, random: Random, first_year: int, today: date) -> Values:
    admitted_on = date(first_year - pupil.years_at_school + 1, 8, 1)
    leerling: Values = {
        "voornaam": list(pupil.first_names),
        "voorletters-1": _initials(pupil.first_names),
        **({"voorvoegsel": pupil.prefix} if pupil.prefix else {}),
        "achternaam": pupil.surname,
        "roepnaam": pupil.first_names[0],
        "geboortedatum": pupil.birth_date.isoformat(),
        "geslacht": str(pupil.sex),
        "adresgeheim": _truth(pupil.is_secret),
        "bsn" if pupil.has_bsn else "onderwijsnummer": pupil.number,
        "leerlingid": pupil.las_key,
        "onderwijssinds": date(first_year - pupil.years_in_primary + 1, 8, 1).isoformat(),
        "startdatumhuidigonderwijs": date(first_year - pupil.years_in_primary + 1, 8, 1).isoformat(),
        "datuminschrijving": admitted_on.isoformat(),
        "leerlinggewicht": "0.00",
        "tehuis": "false",
        "verzorgersaansprakelijk": _truth(pupil.quirk is not Quirk.GUARDIAN),
        "overstapadvies": _advice(pupil, random, has_final_test=_has_final_test(first_year, today)),
        "schoolloopbaanlijst": {"schoolloopbaan": _career(pupil, first_year)},
        "verzuim": _absence(pupil),
        "toetslijst": {"toets": _tests(pupil, random, first_year, today)},
        "verzorger": [_carer(pupil, carer) for carer in pupil.carers],
    }
    if not pupil.is_secret:
        leerling["adreslijst"] = {"adres": [_address(pupil.address, "bezoek"), _address(pupil.address, "gba")]}
    if random.random() < 0.3:
        leerling["gba"] = {
            "gbavoornaam": list(pupil.first_names),
            **({"gbavoorvoegsel": pupil.prefix} if pupil.prefix else {}),
            "gbaachternaam": pupil.surname,
            "gbageboortedatum": f"{pupil.birth_date:%d-%m-%Y}",  # the only date that is not ISO (XSD)
        }
    if pupil.quirk is Quirk.GUARDIAN:
        leerling["aansprakelijkeinstelling"] = {"naam": words()["institution"]}
    if support := _support(pupil, random, first_year):
        leerling["onderwijsondersteuning"] = support
    if _has_final_test(first_year, today):
        said = leerling["overstapadvies"].get("herzienadvies", pupil.advice)
        leerling["eindtoets_basisonderwijs"] = _final_test(pupil, random, said, _final_test_on(first_year))
    if random.random() < 0.05:
        leerling["overigdocumentlijst"] = {"document": [_document("group_plan_document")]}
    return leerling


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _initials(names: tuple[str, ...]) -> str:
    """Return initials with dots and without spaces, as OSO has them: "L.J."."""
    return "".join(f"{name[0]}." for name in names)


def _address(address: Address, kind: str) -> Values:
    return {
        "soortadres": kind,
        "straat": address.street,
        "nummer": str(address.number),
        **({"toevoeging": address.suffix} if address.suffix else {}),
        "postcode": address.postcode,
        "plaats": address.town,
        "gemeente": address.municipality,
        "land": "6030",
    }


def _contacts(phone: str, email: str, is_secret: bool) -> Values:
    # A secret value is written as the placeholder, never left out (OVa.LL08).
    return {
        "communicatie": [
            {
                "soort": "telefoon",
                "aanduiding": "prive",
                "nummer": _HIDDEN_PHONE if is_secret else phone,
                "geheim": _truth(is_secret),
                "noodnummer": _truth(not is_secret),
            },
            {
                "soort": "e-mail",
                "aanduiding": "prive",
                "nummer": _HIDDEN_MAIL if is_secret else email,
                "geheim": _truth(is_secret),
            },
        ]
    }


def _carer(pupil: SyntheticPupil, carer: Carer) -> Values:
    made: Values = {
        "voornaam": [carer.first_name],
        "voorletters-1": _initials((carer.first_name,)),
        **({"voorvoegsel": carer.prefix} if carer.prefix else {}),
        "achternaam": carer.surname,
        "geslacht": str(carer.sex),
        "adresgeheim": _truth(pupil.is_secret),
        "relatietotkind": str(carer.relation),
        "overleden": _truth(carer.is_deceased),
        "wettigevertegenwoordiger": _truth(carer.is_legal_representative),
    }
    if not carer.is_deceased:
        made["communicatielijst"] = _contacts(carer.phone, carer.email, pupil.is_secret)
        if not pupil.is_secret:
            made["adreslijst"] = {"adres": [_address(pupil.address, "bezoek")]}
    return made


_UP = {"20": "22", "22": "30", "30": "34", "34": "42", "42": "52", "50": "52", "52": "60", "60": "61", "61": "70"}


def _advice(pupil: SyntheticPupil, random: Random, *, has_final_test: bool) -> Values:
    needs_contact = pupil.support is not Support.NONE or random.random() < 0.08
    made: Values = {
        "advies": pupil.advice,
        "wensouders": _UP.get(pupil.advice, pupil.advice) if random.random() < 0.15 else pupil.advice,
        "wensleerling": pupil.advice,
        "profiel": random.choices(("basis", "plus", "bespreek", "ondersteuning"), weights=(85, 6, 5, 4))[0],
        "argumentatie": random.choice(words()["arguments"]),
        "contactnodig": _truth(needs_contact),
    }
    if has_final_test and pupil.advice in _UP and random.random() < 0.06:
        made["herzienadvies"] = _UP[pupil.advice]
        made["motivatie_herzienadvies"] = random.choice(words()["motivations"])
    if needs_contact:
        made["contactpersoon"] = random.choice(words()["teacher_names"])
        made["contacttelefoon"] = phone(SCHOOL_PHONES + pupil.school.first_position)
        made["contactemail"] = f"groep8.{pupil.school.id.lower()}@example.org"
    if random.random() < 0.4:
        made["aandachtspunten"] = random.choice(words()["attention"])
    return made


def _groups(pupil: SyntheticPupil) -> list[int]:
    """Return the year groups that the pupil went through, up to 8."""
    if pupil.years_in_primary == 9:
        return [1, 2, 2, *range(3, 9)]
    if pupil.years_in_primary == 7:
        return [1, 2, 3, 4, 5, 7, 8]
    return list(range(1, 9))


def _career(pupil: SyntheticPupil, first_year: int) -> list[Values]:
    groups = _groups(pupil)
    career = []
    for serial, group in enumerate(groups):
        year = first_year - len(groups) + 1 + serial
        is_here = len(groups) - serial <= pupil.years_at_school
        entry = {
            "schooljaar": f"{year}-{year + 1}",
            "groepscode": f"{group}{words()['group_codes'][pupil.position % 2]}",
            "groepsnaam": f"groep {group}",
            "jaargroep": str(group),
            "begindatum": f"{year}-08-01",
            # The school before is one that nobody has to know: a branch of the same board.
            "brincode": pupil.school.brin,
            "vestigingscode": pupil.school.branch if is_here else "99",
            "schoolsoort": "BO",
        }
        if serial + 1 < len(groups):
            entry["einddatum"] = f"{year + 1}-07-31"
        career.append(entry)
    return career


def _absence(pupil: SyntheticPupil) -> Values:
    allowed, not_allowed = pupil.absence
    return {
        "dagdelengeoorloofd": str(allowed),
        "dagdelenongeoorloofd": str(not_allowed),
        "meerdan25percent": "false",
        "frequentie": str((not_allowed + 1) // 2),
        "contactleerplicht": _truth(not_allowed > 4),
    }


def _tests(pupil: SyntheticPupil, random: Random, first_year: int, today: date) -> list[Values]:
    """Return the tests of the pupil monitoring system: none older than OVa.TR04 allows, none later than today."""
    groups = _groups(pupil)
    made = []
    for back in (2, 1, 0):
        group = groups[-1 - back]
        year = first_year - back
        for taken_on, months in ((date(year + 1, 1, 20), 5), (date(year + 1, 6, 10), 10)):
            taken_on += timedelta(days=random.randrange(10))
            if taken_on > today:
                continue
            for test in words()["tests"]:
                made.append(_test(pupil, random, test, taken_on, group, (group - 3) * 10 + months))
    return made


def _test(pupil: SyntheticPupil, random: Random, test: Values, taken_on: date, group: int, didactic_age: int) -> Values:
    level = min(max(pupil.ability + random.uniform(-0.15, 0.15), 0.0), 0.999)
    items = 50
    correct = round(12 + level * 36)
    return {
        "toetsidentificatie": {"eldtoetscode": test["code"], "leergebied": test["area"], "toetsnaam": test["name"]},
        "afname": {"afnamedatum": taken_on.isoformat(), "jaargroep": str(group), "dl": str(didactic_age)},
        "resultaat": {
            "toetsscore": {
                "aantalopgaven": str(items),
                "aantalgoed": str(correct),
                "aantalfout": str(items - correct),
                "vaardigheidsscore": str(60 + round(level * 80)),
                "codevaardigheidsschaal": test["scale"],
            },
            "referentiescore": [
                {"codereferentiescore": code, "codevergelijkingsgroep": "Landelijk", "waarde": value}
                for code, value in (
                    ("IV", ("V", "IV", "III", "II", "I")[int(level * 5)]),
                    ("AE", "EDCBA"[int(level * 5)]),
                    ("DLE", str(round(didactic_age * (0.6 + level * 0.7)))),
                    ("Percentiel", str(int(level * 99) + 1)),
                )
            ],
        },
    }


def _final_test_on(first_year: int) -> date:
    """Return the day of the national test, in February."""
    return date(first_year + 1, 2, 9)


def _has_final_test(first_year: int, today: date) -> bool:
    """Tell whether the results of the test are there: in the middle of March."""
    return today > _final_test_on(first_year) + timedelta(days=34)


def _final_test(pupil: SyntheticPupil, random: Random, advice: str, taken_on: date) -> Values:
    """Return the test with the advice that follows from it: the school's own, or the higher one it was revised to."""
    kind = random.choice(("0012", "0013"))
    texts, parts = words(), words()["final_test_parts"]
    said = texts["advice_words"][advice]
    level = f"0{1 + min(int(pupil.ability * 4), 3)}"
    domains = [
        {"domeincode": code, "domeinomschrijving": parts[code], "dom_referentieniveau": level}
        for code in ("8050", "8051")
    ]
    return {
        "eindtoetsresultaat": {
            "toetssoort": kind,
            "toetsniveau": "G",
            "toetsomschrijving": texts["final_tests"][kind],
            "datum_afname": taken_on.isoformat(),
            "wettelijke_ontheffing": "N",
            "standaardscore": str(501 + round(pupil.ability * 49)),
            "toets_advies": said,
            "onderdelen": {
                "onderdeel": [
                    {
                        "onderdeelcode": "8000",
                        "onderdeelomschrijving": parts["8000"],
                        "ond_referentieniveau": level,
                        "domeinen": {"domein": domains},
                    },
                    {"onderdeelcode": "8001", "onderdeelomschrijving": parts["8001"], "ond_referentieniveau": level},
                ]
            },
        },
        "deelgenomen": "true",
    }


def _support(pupil: SyntheticPupil, random: Random, first_year: int) -> Values | None:
    last_summer = date(first_year, 8, 1).isoformat()
    match pupil.support:
        case Support.PLAN:
            aim = random.choice(words()["plan_aims"])
            plan = {"startdatum": last_summer, "isgerichtop": aim, "document": _document("plan_document")}
            return {"handelingsplan": [plan]}
        case Support.DIAGNOSIS:
            diagnosis = random.choice(words()["diagnoses"])
            made_on = date(first_year - 1, 11, 3).isoformat()
            return {
                "diagnose": [{"code": [diagnosis["code"]], "naam": diagnosis["name"], "datum": made_on}],
                "medicijngebruik": "false",
            }
        case Support.LWOO:
            return {
                "lwoo": {
                    "lwoo_ingangdatum": last_summer,
                    "lwoo_swvnummer": "VO9999",
                    "lwoo_beschikkingsnummer": f"S{pupil.position:08d}",
                    "lwoo_einddatum": f"{first_year + 5}-07-31",
                }
            }
        case Support.TLV:
            return {
                "opp": {"opp_ingangdatum": last_summer},
                "tlv": [
                    {
                        "tlvingangdatum": last_summer,
                        "tlvswvnummer": "VO9999",
                        "tlvcategorie": "L" if pupil.advice == "01" else "Nvt",
                        "tlvbeschikkingsnummer": f"S{pupil.position:08d}",
                    }
                ],
            }
    return None


@cache
def _document(kind: str) -> Values:
    """Return an attachment: Base64 of a ZIP with one text file (XSD documentation of bestandsinhoud)."""
    document = words()[kind]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        # A fixed date, so that the same seed gives the same bytes.
        archive.writestr(zipfile.ZipInfo(document["file"], (2020, 1, 1, 0, 0, 0)), document["text"])
    return {"bestandsnaam": document["file"], "bestandsinhoud": base64.b64encode(packed.getvalue()).decode()}


def _break(dossier: Values, pupil: SyntheticPupil) -> None:
    """Put the pupil's fault in the dossier."""
    leerling = dossier["huidigeschool"]["leerling"]
    match pupil.fault:
        case SyntheticFault.NO_ADVICE:
            del leerling["overstapadvies"]["advies"]
        case SyntheticFault.NO_CARER:
            leerling["verzorgersaansprakelijk"] = "true"
            del leerling["verzorger"]
        case SyntheticFault.SECRET_WITH_ADDRESS:
            secret = replace(pupil, is_secret=True)
            leerling["adresgeheim"] = "true"
            leerling["adreslijst"] = {"adres": [_address(pupil.address, "bezoek")]}
            leerling["verzorger"] = [_carer(secret, carer) for carer in pupil.carers]
        case SyntheticFault.BIRTH_PLACE:
            leerling["geboorteplaats"] = pupil.address.town
        case SyntheticFault.NO_ADMISSION_DATE:
            del leerling["datuminschrijving"]
        case SyntheticFault.UNKNOWN_ADVICE:
            leerling["overstapadvies"]["advies"] = "99"
        case SyntheticFault.WRONG_BSN:
            leerling.pop("onderwijsnummer", None)
            leerling["bsn"] = numbers.mistyped(pupil.number)
