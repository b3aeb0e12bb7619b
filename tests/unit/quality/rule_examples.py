"""Dossiers to judge: a good one per profile, and for every rule one that breaks it and one that just does not."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import date
from typing import Any

from overstap.oso.building import build
from overstap.oso.model import Dossier

TODAY = date(2027, 3, 1)
BSN, OTHER_BSN = "999990019", "999990020"

OWN_CODES = {
    "OV-CL-01": (
        ("POVO", {"result/toetssoort": "0017"}),
        frozenset({("42", "0017")}),
    )
}
"""Rules about the region's own codes: a dossier that has one, and these codes."""
CATEGORIES = (
    *("metadata", "ouderinzage", "school", "leerling", "oudersverzorgers", "vve", "schoolloopbaan", "overstapadvies"),
    *("onderwijsondersteuning", "verzuim", "eindtoetsbo", "toetsresultaten", "handelingsplannen", "cijferlijsten"),
    *("vombo", "bijlagedocs"),
)
_ADDRESS = {"soortadres": "bezoek", "straat": "Dorpsstraat", "nummer": "1", "postcode": "1234AB", "plaats": "Ons Dorp"}
_MARK = {"waarde": "7", "kwalificatie": "voldoende"}
_SUPPORT = {
    "diagnose": [{"code": "F81.0", "naam": "leesprobleem", "datum": "2025-05-01"}],
    "medicijngebruik": False,
    "handelingsplan": [{"startdatum": "2025-09-01", "einddatum": "2026-06-01", "isgerichtop": "lezen"}],
    "opp": {"opp_ingangdatum": "2025-09-01", "opp_einddatum": "2026-06-01"},
    "tlv": [
        {
            "tlvingangdatum": "2025-09-01",
            "tlvswvnummer": "PO9901",
            "tlvcategorie": "L",
            "tlvbeschikkingsnummer": "99-1",
            "tlveinddatum": "2027-07-31",
        }
    ],
    "rvc": {
        "centraleproblematiek": "rekenen",
        "signaleringlwoopro": {"deelgenomenaanonderzoek": True, "leerachterstand": True, "lagescoreeindtoets": False},
        "rvcindicatie": "LWOO",
    },
}
_FINAL_TEST = {
    "eindtoetsresultaat": {
        "toetssoort": "0013",
        "toetsniveau": "G",
        "datum_afname": "2027-02-02",
        "wettelijke_ontheffing": "N",
        "toets_advies": "vmbo gl-tl",
        "onderdelen": {
            "onderdeel": [
                {
                    "onderdeelcode": "8000",
                    "domeinen": {
                        "domein": [
                            {"domeincode": "8050", "dom_referentieniveau": "02"},
                            {"domeincode": "8051", "dom_referentieniveau": "02"},
                        ]
                    },
                },
                {"onderdeelcode": "8001", "ond_referentieniveau": "03"},
            ]
        },
    },
    "deelgenomen": True,
}
_RESULT = {
    "toetsscore": {"aantalgoed": 15},
    "referentiescore": [{"codereferentiescore": "AE", "codevergelijkingsgroep": "Landelijk", "waarde": "B"}],
}
_TESTS = {
    "toets": [
        {
            "toetsidentificatie": {"eldtoetscode": "X1"},
            "afname": {"afnamedatum": "2026-10-01", "jaargroep": "8"},
            "resultaat": _RESULT,
            "opmerking": "rustig gemaakt",
        }
    ]
}
_PRESCHOOL = {
    "vanpeuterspeelzaal": True,
    "naampeuterspeelzaal": "De Kikker",
    "voorschools": {
        "codevoorschoolsehistorie": 1,
        "codevoorschoolsprogramma": 2,
        "voorschoolsemaanden": 12,
        "codevoorschoolsetoeleider": 3,
        "codevoorschoolsedeelname": 4,
    },
    "vroegschools": [{"codevroegschoolsprogramma": 2, "vroegschoolsdatumingang": "2019-08-01"}],
}
_SECONDARY = {
    "bevorderd": {"elementcode": "0011", "leerjaar": "12"},
    "examenresultaat": {"examenjaar": 2026, "datumuitslag": "2026-06-12", "examenuitslag": "geslaagd"},
    "resultaatvakkenvo": [
        {"vakcode": "1", "afgerond": True, "examenvak": True, "beoordelingexamenvak": "voldoende"},
    ],
    "certificaat": ["rekenen"],
    "competenties": [{"competentiebeschrijving": "werkt samen"}],
    "stage": [{"begindatum": "2026-01-05", "einddatum": "2026-01-16"}],
    "overigvombo": dict.fromkeys(("beroepskeuzetest", "portfolio", "pop", "motivatiebrief", "lobdossier"), False),
}


def _contact(kind: str, number: str) -> dict[str, Any]:
    return {"soort": kind, "aanduiding": "prive", "nummer": number, "geheim": False}


def _transfer(profile: str) -> tuple[str, str]:
    return {
        "BB": ("overdrachtbinnenbrin", "POPO"),
        "POSWV": ("swv-dossier", "POSWV"),
        "VOSWV": ("swv-dossier", "VOSWV"),
    }.get(profile, ("overstapdossier", profile))


_CLOSED = {
    "POVO": ("vve", "vombo"),
    "POPO": ("vombo",),
    "VOVO": ("vve",),
    "BB": (),
    "POSWV": ("eindtoetsbo", "vombo"),
    "VOSWV": ("vve",),
}
_FREE = {
    "BB": tuple(each for each in CATEGORIES if each not in ("metadata", "school", "leerling")),
    "POSWV": ("ouderinzage", "vve", "overstapadvies"),
    "VOSWV": ("ouderinzage", "overstapadvies", "eindtoetsbo", "vombo"),
    "POVO": ("onderwijsondersteuning", "eindtoetsbo"),
    "POPO": ("onderwijsondersteuning", "eindtoetsbo", "vve"),
    "VOVO": ("onderwijsondersteuning", "eindtoetsbo", "vombo"),
}
_ALWAYS_FREE = ("verzuim", "toetsresultaten", "handelingsplannen", "cijferlijsten", "bijlagedocs")


def good(profile: str = "POVO") -> dict[str, Any]:
    """Return the values of a full dossier of a profile in which nothing is wrong."""
    kind, transfer = _transfer(profile)
    words = {}
    for category in CATEGORIES:
        if category in _CLOSED[profile]:
            words[f"cat_{category}"] = "VERBODEN"
        elif category in _FREE[profile] or category in _ALWAYS_FREE:
            words[f"cat_{category}"] = "OPTIONEEL"
        else:
            words[f"cat_{category}"] = "VERPLICHT"
    words["cat_bijlagedocs"] = "OPT-UIT"
    pupil: dict[str, Any] = {
        "voornaam": ["Sanne", "Maria"],
        "achternaam": "Jansen",
        "geboortedatum": "2015-03-17",
        "geslacht": 1,
        "adresgeheim": False,
        "adreslijst": {"adres": [{**_ADDRESS, "aanduiding": "TO"}]},
        "communicatielijst": {"communicatie": [_contact("e-mail", "sanne@voorbeeld.nl")]},
        "gba": {"gbavoornaam": ["Sanne"], "gbaachternaam": "Jansen", "gbageboortedatum": "17-03-2015"},
        "bsn": BSN,
        "leerlingid": "L-1",
        "datuminschrijving": "2019-08-01",
        "leerlinggewicht": "0.00",
        "nnca": "1",
        "huisarts": {"achternaam": "Dokter"},
        "verzorgersaansprakelijk": True,
        "overstapadvies": {
            "advies": "42",
            "wensouders": "42",
            "profiel": "basis",
            "argumentatie": "Zij werkt hard.",
            "contactnodig": True,
            "contactpersoon": "Meester Bas",
            "contacttelefoon": "0201234567",
            "contactemail": "bas@school.nl",
        },
        "schoolloopbaanlijst": {
            "schoolloopbaan": [
                {
                    "schooljaar": f"{year}-{year + 1}",
                    "groepscode": f"{group}a",
                    "jaargroep": str(group),
                    "begindatum": f"{year}-08-01",
                    "einddatum": f"{year + 1}-07-31",
                    "brincode": "99AB",
                    "vestigingscode": "00",
                }
                for group, year in ((7, 2025), (8, 2026))
            ]
        },
        "onderwijsondersteuning": _SUPPORT,
        "verzuim": {"dagdelengeoorloofd": 2, "contactleerplicht": False},
        "eindtoets_basisonderwijs": _FINAL_TEST,
        "toetslijst": _TESTS,
        "cijferlijstlijst": {
            "cijferlijst": [
                {
                    "cijferlijstTypelijst": {"naam": "Rapport", "score": [_MARK]},
                    "afnamedatum": "2027-01-15",
                    "jaargroep": "8",
                }
            ]
        },
        "verzorger": [
            {
                "voornaam": ["Tanja"],
                "achternaam": "Jansen",
                "geslacht": 1,
                "adresgeheim": False,
                "adreslijst": {"adres": [_ADDRESS]},
                "communicatielijst": {"communicatie": [_contact("telefoon", "0612345678")]},
                "relatietotkind": "2",
                "wettigevertegenwoordiger": True,
                "iban": "NL91ABNA0417164300",
            },
            {
                "achternaam": "Pieters",
                "overleden": True,
                "overlijdensdatum": "2020-01-01",
                "relatietotkind": "1",
                "wettigevertegenwoordiger": False,
            },
        ],
    }
    if "vve" not in _CLOSED[profile]:
        pupil |= _PRESCHOOL
    if "vombo" not in _CLOSED[profile]:
        pupil |= _SECONDARY
    if "eindtoetsbo" in _CLOSED[profile]:
        del pupil["eindtoets_basisonderwijs"]
    if kind == "swv-dossier":
        del pupil["bsn"], pupil["verzorger"][0]["iban"]
    values = {
        "metadata": {
            "deeldossier": "LASLVS",
            "pakketnaam": "Pakket",
            "pakketversie": "1",
            "datum": "2027-02-15",
            "standaardversie": "2019.1",
            "validatieversie": "2019.1.1",
            "categorie_uitlevering": words,
            "overstap": transfer,
        },
        "overdrachtsoort": kind,
        "inzage": {
            "voorlopigdossier": False,
            "inzage": True,
            "inzagedatum": "2027-02-20",
            "akkoord": "Nee",
            "redennietakkoord": "Wij zien het anders.",
            "toestemming": "Ja",
        },
        "huidigeschool": {
            "naam": "De Regenboog",
            "adreslijst": {"adres": [_ADDRESS]},
            "communicatielijst": {"communicatie": [_contact("telefoon", "0201234567")]},
            "brincode": "99AB",
            "vestigingscode": "00",
            "aanleverpunt": "1",
            "leerling": pupil,
        },
    }
    return deepcopy(values)


_SHORT = {
    "words": "metadata/categorie_uitlevering",
    "pupil": "huidigeschool/leerling",
    "advice": "huidigeschool/leerling/overstapadvies",
    "support": "huidigeschool/leerling/onderwijsondersteuning",
    "test": "huidigeschool/leerling/eindtoets_basisonderwijs",
    "result": "huidigeschool/leerling/eindtoets_basisonderwijs/eindtoetsresultaat",
    "carer": "huidigeschool/leerling/verzorger/0",
    "late": "huidigeschool/leerling/verzorger/1",
    "career": "huidigeschool/leerling/schoolloopbaanlijst/schoolloopbaan",
    "toets": "huidigeschool/leerling/toetslijst/toets/0",
    "mark": "huidigeschool/leerling/cijferlijstlijst/cijferlijst/0",
}
Edits = Mapping[str, Any]


def made(profile: str = "POVO", edits: Edits | None = None, version: str = "2019.1") -> Dossier:
    """Return a good dossier with some fields changed.

    Args:
        profile: the profile.
        edits: path to new value; None takes the field away. The first step may be a short name of `_SHORT`.
        version: version of the data set.
    """
    values = good(profile)
    for path, value in (edits or {}).items():
        first, _, rest = path.partition("/")
        *steps, last = f"{_SHORT.get(first, first)}/{rest}".strip("/").split("/")
        at: Any = values
        for step in steps:
            at = at[int(step)] if isinstance(at, list) else at.setdefault(step, {})
        if isinstance(at, list):
            at[int(last)] = value
        elif value is None:
            at.pop(last, None)
        else:
            at[last] = value
    return build(values, version)


Example = tuple[str, Edits]
"""A profile, and what is changed in its good dossier."""

_SECRET = {"geheim": True, "nummer": "0612345678", "soort": "telefoon"}
_MASKED = {"geheim": True, "nummer": "9999999999", "soort": "telefoon"}
_CONTACTS = {"pupil": "pupil/communicatielijst/communicatie/0", "carer": "carer/communicatielijst/communicatie/0"}
_EMPTY_MARK = {"naam": "Rapport", "score": [{}]}
_ATTACHED = {"document": {"bestandsnaam": "a.txt", "bestandsinhoud": "x"}}


def _with(mapping: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {**mapping, **more}


def _presence() -> dict[str, Example]:
    """Return what breaks the rules that are plain presence or absence, three families of ids at a time."""
    found: dict[str, Example] = {}
    for family, profile in (("OVa", "POVO"), ("PaO", "POSWV")):
        found |= {
            f"{family}.MD03": (profile, {"metadata/categorie_uitlevering": None}),
            f"{family}.SL01": (profile, {"huidigeschool/adreslijst": None}),
            f"{family}.SL02": (profile, {"huidigeschool/communicatielijst": None}),
            f"{family}.LL01": (profile, {"pupil/voornaam": None}),
            f"{family}.LL02": (profile, {"pupil/geboortedatum": None}),
            f"{family}.LL03": (profile, {"pupil/geboortemaand": "2015-03"}),
            f"{family}.LL04": (profile, {"pupil/adresgeheim": None}),
            f"{family}.LL05": (profile, {"pupil/adreslijst": None}),
            f"{family}.LL06": (profile, {"pupil/adresgeheim": True}),
            f"{family}.LL07": (profile, {"pupil/postcode4adres": "1234"}),
            f"{family}.LL08": (profile, {_CONTACTS["pupil"]: _SECRET}),
            f"{family}.LL09": (profile, {"pupil/adresgeheim": "1", "pupil/adresbuitenland": ["Elders 1"]}),
            f"{family}.LL10": (profile, {"pupil/geboorteplaats": "Elders"}),
            f"{family}.LL11": (profile, {"pupil/nationaliteit": ["0001"]}),
            f"{family}.OV01": (profile, {"pupil/verzorger": None}),
            f"{family}.OV03": (profile, {"carer/adresgeheim": True}),
            f"{family}.OV04": (profile, {_CONTACTS["carer"]: _SECRET}),
            f"{family}.MD01": (profile, {"metadata/deeldossier": "LVS"}),
            f"{family}.MD02": (profile, {"metadata/validatieversie": "2018.1.1"}),
        }
    found |= {
        "OVb.MD01": ("BB", {"metadata/deeldossier": "TIB"}),
        "OVb.MD02": ("BB", {"metadata/validatieversie": "2019.1"}),
        "OVb.MD03": ("BB", {"metadata/categorie_uitlevering": None}),
        "OVb.LL01": ("BB", {"pupil/geboortemaand": "2015-03"}),
        "OVb.LL02": ("BB", {"pupil/adresgeheim": True}),
        "OVb.LL03": ("BB", {"pupil/postcode4adres": "1234"}),
        "OVb.LL04": ("BB", {_CONTACTS["pupil"]: _SECRET}),
        "OVb.LL05": ("BB", {"pupil/adresgeheim": True, "pupil/adresbuitenland": ["Elders 1"]}),
        "OVb.LL??": ("BB", {"pupil/nationaliteit": ["0001"]}),
        "OVb.OV01": ("BB", {"carer/adresgeheim": True}),
        "OVb.OV02": ("BB", {_CONTACTS["carer"]: _SECRET}),
    }
    for number, field in enumerate(("vanpeuterspeelzaal", "naampeuterspeelzaal", "voorschools", "vroegschools"), 1):
        found[f"PaO.VV0{number}"] = ("VOSWV", {f"pupil/{field}": _PRESCHOOL[field]})
    for number, (field, value) in enumerate(_SECONDARY.items(), 1):
        found[f"PaO.VM0{number}"] = ("POSWV", {f"pupil/{field}": value})
    return found


_CODES: dict[str, Example] = {
    "CL2": ("POVO", {"advice/wensouders": "99"}),
    "CL4": ("POVO", {_CONTACTS["carer"]: {"soort": "fax", "nummer": "0201234567"}}),
    "CL5": ("POVO", {_CONTACTS["carer"]: {"soort": "telefoon", "aanduiding": "TO", "nummer": "0201234567"}}),
    "CL6": ("POPO", {"pupil/voorschools/codevoorschoolsetoeleider": "10"}),
    "CL7": ("POPO", {"pupil/voorschools/codevoorschoolsehistorie": "6"}),
    "CL8": ("POPO", {"pupil/voorschools/codevoorschoolsedeelname": "0"}),
    "CL9": ("POPO", {"pupil/vroegschools/0/codevroegschoolsprogramma": "16"}),
    "CL10": ("POVO", {"pupil/nnca": "3"}),
    "CL11": ("POVO", {"toets/resultaat/referentiescore/0/codereferentiescore": "ae"}),
    "CL13": ("POVO", {"mark/jaargroep": "9"}),
    "CL14": ("POVO", {"pupil/geslacht": " 1"}),
    "CL15": ("POVO", {"pupil/leerlinggewicht": "0.3"}),
    "CL16": ("POVO", {"metadata/overstap": "POV"}),
    "CL17": ("POVO", {"support/rvc/rvcindicatie": "lwoo"}),
    "CL18": ("POVO", {"pupil/adreslijst/adres/0/aanduiding": "prive"}),
    "CL19": ("POVO", {"pupil/adreslijst/adres/0/soortadres": "thuis"}),
    "CL21": ("POVO", {"advice/profiel": "min"}),
    "CL22": ("POVO", {"toets/resultaat/referentiescore/0/codevergelijkingsgroep": "TL"}),
    "CL23": ("POVO", {"support/diagnose/0/code": ["F81.0", "F99"]}),
    "CL29": ("POVO", {"overdrachtsoort": "overstap"}),
    "CL31": ("POVO", {"support/tlv/0/tlvcategorie": "X"}),
    "CL33": ("POVO", {"metadata/deeldossier": "las"}),
    "CL35": ("VOVO", {"pupil/examenresultaat/examenuitslag": "gezakt"}),
    "CL36": ("VOVO", {"pupil/resultaatvakkenvo/0/beoordelingexamenvak": "goed"}),
    "CL37": ("POVO", {"inzage/akkoord": "ja"}),
    "CL41": ("POVO", {"carer/relatietotkind": "0"}),
    "CL42": ("POVO", {"result/toetssoort": "0015"}),
    "CL43": ("POVO", {"result/toetsniveau": "B"}),
    "CL44": ("POVO", {"result/wettelijke_ontheffing": "Ja"}),
    "CL45": ("POVO", {"result/onderdelen/onderdeel/1/ond_referentieniveau": "1F"}),
    "CL46": ("POVO", {"result/onderdelen/onderdeel/1/onderdeelcode": "8002"}),
    "CL47": ("POVO", {"result/onderdelen/onderdeel/0/domeinen/domein/0/domeincode": "8052"}),
    "CL48": ("POVO", {"words/cat_verzuim": "optioneel"}),
}
_CATEGORIES: dict[str, Example] = {
    "OS.cat01": ("POVO", {"words/cat_metadata": "OPT-UIT"}),
    "OS.cat02": ("BB", {"words/cat_ouderinzage": "OPT-UIT"}),
    "OS.cat05": ("BB", {"words/cat_oudersverzorgers": "OPT-UIT"}),
    "OS.cat06": ("POPO", {"words/cat_vve": "OPT-UIT"}),
    "OS.cat07": ("BB", {"words/cat_schoolloopbaan": "VERBODEN"}),
    "OS.cat08": ("BB", {"words/cat_overstapadvies": "OPT-UIT"}),
    "OS.cat09": ("POVO", {"words/cat_onderwijsondersteuning": "OPT-UIT"}),
    "OS.cat10": ("POVO", {"words/cat_verzuim": "OPT-UIT"}),
    "OS.cat11": ("POVO", {"words/cat_eindtoetsbo": "OPT-UIT"}),
    "OS.cat12": ("POVO", {"words/cat_toetsresultaten": "OPT-UIT"}),
    "OS.cat13": ("POVO", {"words/cat_handelingsplannen": "OPT-UIT"}),
    "OS.cat14": ("POVO", {"words/cat_cijferlijsten": "OPT-UIT"}),
    "OS.cat15": ("VOVO", {"words/cat_vombo": "OPT-UIT"}),
    "OS.cat16": ("POVO", {"words/cat_bijlagedocs": "VERPLICHT"}),
}
_OFFICIAL: dict[str, Example] = {
    "OVa.OS01": ("POVO", {"metadata/overstap": None}),
    "OVa.OS02": ("POVO", {"metadata/overstap": "VOMBO"}),
    "OVa.OS03": ("POVO", {"overdrachtsoort": "dossier"}),
    "PaO.SO01": ("POSWV", {"metadata/overstap": None}),
    "PaO.SO02": ("POSWV", {"metadata/overstap": "POVO"}),
    "PaO.SO03": ("POSWV", {"overdrachtsoort": "dossier"}),
    "OVa.IZ01": ("POVO", {"inzage": None}),
    "OVa.IZ02": ("POVO", {"inzage/inzage": False}),
    "OVa.IZ03": ("POVO", {"inzage/inzagedatum": None}),
    "OVa.IZ04": ("POVO", {"inzage/akkoord": None}),
    "OVa.IZ05": ("VOVO", {"inzage/toestemming": None}),
    "OVa.LL12": ("POVO", {"pupil/bsn": None}),
    "PaO.LL12": ("POSWV", {"pupil/bsn": BSN}),
    "OVa.LL13": ("POVO", {"pupil/leerlingid": None}),
    "OVa.LL14": ("POVO", {"pupil/datuminschrijving": None}),
    "OVa.LL15": ("POVO", {"pupil/verzorgersaansprakelijk": None}),
    "OVa.AI01": ("POVO", {"pupil/verzorgersaansprakelijk": False}),
    "OVa.VV01": ("POVO", {"pupil/voorschools": _PRESCHOOL["voorschools"]}),
    "OVa.VV02": ("POVO", {"pupil/vroegschools": _PRESCHOOL["vroegschools"]}),
    "OVa.OA01": ("POVO", {"pupil/overstapadvies": None}),
    "OVa.OA02": ("POVO", {"advice/advies": None}),
    "OVa.OA03": ("POVO", {"advice/contactnodig": None}),
    "OVa.OA04": ("POVO", {"advice/contactpersoon": None}),
    "OVa.OA05": ("POVO", {"advice/contacttelefoon": None}),
    "OVa.EB02": ("POVO", {"test/eindtoetsresultaat": None}),
    "OVa.EB03": ("POVO", {"test/deelgenomen": False, "test/eindtoetsresultaat": None}),
    "OVa.EB04": ("POVO", {"result/toets_advies": None}),
    "OVa.TR04": ("POVO", {"toets/afname/afnamedatum": "2024-07-31"}),
    "OVa.TR05": ("POVO", {"toets/resultaat": {}}),
    "OVa.TR06": ("POVO", {"toets/resultaat/toetsscore": {"codevaardigheidsschaal": "1"}}),
    "OVa.CL01": ("POVO", {"mark/cijferlijstTypelijst": _EMPTY_MARK}),
    "PaO.TR01": ("POSWV", {"toets/resultaat": {}}),
    "PaO.TR02": ("POSWV", {"toets/resultaat/toetsscore": {"codevaardigheidsschaal": "1"}}),
    "PaO.CL01": ("POSWV", {"mark/cijferlijstTypelijst": _EMPTY_MARK}),
    "PaO.EB01": ("POSWV", {"pupil/eindtoets_basisonderwijs": _FINAL_TEST}),
    "PaO.OV05": ("POSWV", {"carer/banknummer": "123"}),
    "OG.01": ("POVO", {f"{_CONTACTS['pupil']}/nummer": "sanne@voorbeeld."}),
    "OG.02": ("POVO", {"metadata/standaardversie": "2019"}),
    "OG.03": ("POVO", {"support/lwoo": {"lwoo_ingangdatum": "2026-08-01", "lwoo_einddatum": "2027-07-30"}}),
    "OG.04": ("POVO", {"late/overleden": False}),
    "OG.05": ("POVO", {"pupil/huisarts/roepnaam": "Bob"}),
}
_OWN: dict[str, Example] = {
    "OV-ID-01": ("POVO", {"pupil/bsn": "999990018"}),
    "OV-ID-02": ("POVO", {"pupil/bsn": None, "pupil/onderwijsnummer": "100000000"}),
    "OV-ID-03": ("POVO", {"pupil/onderwijsnummer": "100000004"}),
    "OV-ID-04": ("POVO", {"pupil/leerlingid": BSN}),
    "OV-ID-05": ("POVO", {"pupil/gba/gbageboortedatum": "18-03-2015"}),
    "OV-ID-06": ("POVO", {"pupil/achternaam": "MÃ¼ller"}),
    "OV-ID-07": ("POVO", {"pupil/geboortedatum": "2027-02-16"}),
    "OV-ID-08": ("POVO", {"pupil/geboortedatum": "2018-08-02"}),
    "OV-DT-01": ("POVO", {"metadata/datum": "2027-03-02"}),
    "OV-DT-02": ("POVO", {"metadata/datum": "2026-02-27"}),
    "OV-DT-03": ("POVO", {"pupil/datuminschrijving": "2027-02-16"}),
    "OV-DT-04": ("POVO", {"pupil/datuminschrijving": "2015-03-16"}),
    "OV-DT-05": ("POVO", {"pupil/datumuitschrijving": "2019-07-31"}),
    "OV-DT-06": ("POVO", {"support/opp/opp_einddatum": "2025-08-31"}),
    "OV-DT-07": ("POVO", {"career/1/begindatum": "2026-07-30"}),
    "OV-DT-08": ("POVO", {"career/1/jaargroep": "6"}),
    "OV-DT-09": ("POVO", {"career/1/schooljaar": "2026-2028"}),
    "OV-DT-10": ("POVO", {"career/1/begindatum": "2027-08-01", "career/1/einddatum": None}),
    "OV-DT-11": ("POVO", {"support/diagnose/0/datum": "2027-02-16"}),
    "OV-DT-12": ("POVO", {"late/overlijdensdatum": "2027-03-02"}),
    "OV-IZ-01": ("POVO", {"inzage/inzagedatum": "2027-03-02"}),
    "OV-IZ-02": ("POVO", {"inzage/inzagedatum": "2027-02-14"}),
    "OV-IZ-03": ("POVO", {"inzage/redennietakkoord": None}),
    "OV-IZ-04": ("POVO", {"inzage/toestemming": "Nee"}),
    "OV-AD-01": ("POVO", {"advice/herzienadvies": "30"}),
    "OV-AD-02": ("POVO", {"advice/advies": None, "advice/herzienadvies": "42"}),
    "OV-AD-03": ("POVO", {"result/toets_advies": "vmbo-tl/havo"}),
    "OV-AD-04": ("POVO", {"result/toets_advies": "zie bijlage"}),
    "OV-AD-05": ("POVO", {"advice/advies": "43"}),
    "OV-AD-06": ("POVO", {"support/lwoo": {"lwoo_ingangdatum": "2026-08-01", "lwoo_swvnummer": "VO9901"}}),
    "OV-AD-07": ("POVO", {"advice/advies": "10", "support/tlv": None, "support/opp": None, "support/rvc": None}),
    "OV-AD-08": ("POVO", {"advice/advies": "80"}),
    "OV-AD-09": ("POVO", {"advice/contactemail": "bas@school"}),
    "OV-AD-10": ("POVO", {"advice/contacttelefoon": "12345678901"}),
    "OV-ET-01": ("POVO", {"result/toetssoort": "0011"}),
    "OV-ET-02": ("POVO", {"result/onderdelen/onderdeel/1/ond_referentieniveau": None}),
    "OV-ET-03": ("POVO", {"result/wettelijke_ontheffing": "J"}),
    "OV-ET-04": ("POVO", {"test/deelgenomen": False}),
    "OV-VZ-01": ("POVO", {"carer/wettigevertegenwoordiger": False}),
    "OV-VZ-02": ("POVO", {"carer/communicatielijst": None}),
    "OV-VZ-03": ("POVO", {"late/adreslijst": {"adres": [_ADDRESS]}}),
    "OV-VZ-04": ("POVO", {"pupil/adresgeheim": True, "pupil/adreslijst": None}),
    "OV-VZ-05": ("POVO", {f"{_CONTACTS['carer']}/nummer": "061234567"}),
    "OV-VZ-06": ("POVO", {f"{_CONTACTS['carer']}/nummer": "9999999999"}),
    "OV-VZ-07": ("POVO", {"carer/iban": "NL92ABNA0417164300"}),
    "OV-VZ-08": ("POVO", {f"{_CONTACTS['carer']}/soort": "e-mail", f"{_CONTACTS['carer']}/nummer": "mailto:a@b.nl"}),
    "OV-ID-09": ("POSWV", {"pupil/leerlingid": OTHER_BSN}),
    "OV-VZ-09": ("POSWV", {"carer/iban": "NL91ABNA0417164300"}),
    "OV-LE-01": ("POVO", {"advice/contactpersoon": " "}),
    "OV-LE-02": ("POVO", {"toets/resultaat": {"toetsscore": {"aantalopgaven": 20}}}),
    "OV-LE-03": ("POVO", {"huidigeschool/communicatielijst": {"communicatie": [_MASKED]}}),
    "OV-RF-06": ("POVO", {"overdrachtsoort": "swv-dossier"}),
    "OV-RF-01": ("POVO", {"career/1/brincode": "99CD"}),
    "OV-RF-02": ("POVO", {"pupil/adreslijst/adres/0/postcode": "1234 SS"}),
    "OV-RF-03": ("POVO", {"support/tlv/0/tlvswvnummer": "9901"}),
    "OV-RF-04": ("VOVO", {"pupil/bevorderd/leerjaar": "17"}),
    "OV-CA-01": ("POVO", {"words/cat_vve": "OPTIONEEL"}),
    "OV-CA-02": ("POVO", {"words/cat_overstapadvies": "OPTIONEEL"}),
    "OV-CA-03": ("POVO", {"words/cat_verzuim": "VERPLICHT"}),
    "OV-CA-04": ("POVO", {"words/cat_vombo": "OPTIONEEL", "pupil/certificaat": ["rekenen"]}),
    "OV-CA-05": (
        "POVO",
        {
            "words/cat_onderwijsondersteuning": "OPT-UIT",
            "pupil/onderwijsondersteuning": {"toelichting_onderwijsbehoeften": _ATTACHED},
        },
    ),
    "OV-FT-01": ("POVO", {"advice/argumentatie": "Nummer 9999.90.019 staat in ons systeem."}),
    "OV-FT-02": ("POVO", {"inzage/redennietakkoord": f"Haar zus is {OTHER_BSN}."}),
    "OV-FT-03": ("POVO", {"advice/argumentatie": "Zij heeft ADHD."}),
    "OV-FT-04": ("POVO", {_CONTACTS["carer"]: _MASKED, "advice/aandachtspunten": "Bel 06 12345678."}),
    "OV-FT-05": (
        "POVO",
        {"pupil/adresgeheim": True, "pupil/adreslijst": None, "advice/aandachtspunten": "Woont op 1234 AB."},
    ),
    "OV-FT-06": ("POVO", {"advice/argumentatie": "Besproken met juf Els."}),
}
BREAKING: dict[str, Example] = {**_presence(), **_CODES, **_CATEGORIES, **_OFFICIAL, **_OWN}
"""For every rule a dossier that breaks it."""

EXPECTED_PROFILE: dict[str, tuple[str, Example]] = {
    "OVb.OS01": ("BB", ("BB", {"overdrachtsoort": "dossier"})),
    "OV-RF-05": ("POVO", ("POPO", {})),
}
"""The same for rules that need to know for which profile the round is: that profile, and the dossier."""

NEAR: dict[str, Example] = {
    "OVa.LL01": ("POVO", {"pupil/voornaam": ["S"]}),
    "OVa.LL05": ("POVO", {"pupil/adreslijst": None, "pupil/adresgeheim": True}),
    "PaO.LL05": ("POSWV", {"pupil/adreslijst": None, "pupil/adresbuitenland": ["Elders 1"]}),
    "OVa.LL06": ("POVO", {"pupil/adreslijst": None, "pupil/adresgeheim": "1"}),
    "OVa.LL08": ("POVO", {_CONTACTS["pupil"]: _MASKED}),
    "OVb.LL04": ("BB", {_CONTACTS["carer"]: _SECRET}),
    "PaO.LL08": ("POSWV", {_CONTACTS["pupil"]: {**_MASKED, "soort": "e-mail", "nummer": "geheim@geheim.geheim"}}),
    "OVa.LL12": ("POVO", {"pupil/bsn": None, "pupil/onderwijsnummer": "100000004"}),
    "OVa.LL13": ("POPO", {"pupil/leerlingid": None}),
    "OVa.IZ05": ("VOVO", {"inzage/toestemming": "Nee"}),
    "OVa.IZ03": ("POVO", {"inzage/inzage": False, "inzage/inzagedatum": None}),
    "OVa.IZ04": ("POVO", {"inzage/inzage": False, "inzage/akkoord": None}),
    "OVa.AI01": (
        "POVO",
        {"pupil/verzorgersaansprakelijk": False, "pupil/aansprakelijkeinstelling": {"naam": "Jeugdzorg"}},
    ),
    "OVa.VV01": ("POPO", {}),
    "OVa.VV02": ("POPO", {}),
    "OVa.OA02": ("POVO", {"advice/advies": None, "huidigeschool/soort": "SO"}),
    "OVa.OA04": ("POVO", {"advice/contactnodig": False, "advice/contactpersoon": None}),
    "OVa.OA05": ("POVO", {"advice/contactnodig": False, "advice/contacttelefoon": None}),
    "OVa.OV01": ("POVO", {"pupil/verzorgersaansprakelijk": False, "pupil/verzorger": None}),
    "OVa.OV03": ("POVO", {"carer/adresgeheim": True, "carer/adreslijst": None}),
    "OVa.OV04": ("POVO", {_CONTACTS["carer"]: _MASKED}),
    "OVa.EB02": ("POVO", {"test/deelgenomen": False, "test/eindtoetsresultaat": None}),
    "OVa.EB03": ("POVO", {"test/deelgenomen": False}),
    "OVa.EB04": ("POVO", {"test/deelgenomen": False, "result/toets_advies": None}),
    "OVa.TR04": ("POVO", {"toets/afname/afnamedatum": "2024-08-01"}),
    "OVa.TR05": ("POVO", {"toets/resultaat": {"document": _ATTACHED["document"]}}),
    "OVa.TR06": ("POVO", {"toets/resultaat/toetsscore": {"tijd": "3.5"}}),
    "OVa.CL01": ("POVO", {"mark/cijferlijstTypelijst": {"naam": "R", "score": [{"kwalificatie": "goed"}]}}),
    "PaO.VM01": ("VOSWV", {}),
    "PaO.VV03": ("POSWV", {}),
    "PaO.EB01": ("VOSWV", {}),
    "OG.01": ("POVO", {f"{_CONTACTS['pupil']}/nummer": "Sanne <sanne@voorbeeld.nl"}),
    "OG.03": ("POVO", {"support/lwoo": {"lwoo_ingangdatum": "2026-08-01", "lwoo_einddatum": "2027-07-31"}}),
    "OG.05": ("POVO", {"pupil/huisarts/adresgeheim": False}),
    "CL5": ("POVO", {_CONTACTS["carer"]: {"soort": "telefoon", "aanduiding": "overig", "nummer": "0201234567"}}),
    "CL18": ("POVO", {"pupil/adreslijst/adres/0/aanduiding": "BY"}),
    "CL23": ("POVO", {"support/diagnose/0/code": ["F81.0", "F90.0+"]}),
    "OS.cat01": ("POVO", {"words/cat_metadata": "OPTIONEEL"}),
    "OS.cat09": (
        "POVO",
        {
            "words/cat_onderwijsondersteuning": "OPT-UIT",
            "pupil/onderwijsondersteuning": {"handelingsplan": _SUPPORT["handelingsplan"]},
        },
    ),
    "OS.cat13": (
        "POVO",
        {"words/cat_handelingsplannen": "OPT-UIT", "support/handelingsplan": None},
    ),
    "OV-ID-02": ("POVO", {"pupil/bsn": None, "pupil/onderwijsnummer": "100000004"}),
    "OV-ID-05": ("POVO", {"pupil/gba/gbageboortedatum": "00-00-2015"}),
    "OV-ID-06": ("POVO", {"pupil/achternaam": "Şeyma Müller-Ångström", "pupil/roepnaam": "Zoë"}),
    "OV-ID-08": ("POVO", {"pupil/geboortedatum": "2018-08-01"}),
    "OV-ID-07": ("POVO", {"pupil/geboortedatum": "2027-02-15"}),
    "OV-DT-04": ("POVO", {"pupil/datuminschrijving": "2015-03-17"}),
    "OV-DT-02": ("POVO", {"metadata/datum": "2026-03-01"}),
    "OV-DT-06": ("POVO", {"support/opp/opp_einddatum": "2025-09-01"}),
    "OV-DT-07": ("POVO", {"career/1/begindatum": "2026-07-31"}),
    "OV-DT-08": ("POVO", {"career/1/jaargroep": "S"}),
    "OV-IZ-03": ("POVO", {"inzage/akkoord": "Onbekend", "inzage/redennietakkoord": None}),
    "OV-AD-01": ("POVO", {"advice/advies": "50", "advice/herzienadvies": "40"}),
    "OV-AD-03": ("POVO", {"result/toets_advies": "havo", "advice/motivatie_herzienadvies": "Te vroeg."}),
    "OV-AD-05": (
        "POVO",
        {"advice/advies": "43", "words/cat_onderwijsondersteuning": "OPT-UIT", "pupil/onderwijsondersteuning": None},
    ),
    "OV-AD-07": ("POVO", {"advice/advies": "10", "support/opp": None, "support/rvc": None}),
    "OV-AD-10": ("POVO", {"advice/contacttelefoon": "+32 2 123 45 67"}),
    "OV-ET-01": ("POVO", {"result/toetssoort": "0011", "result/datum_afname": "2023-04-18"}),
    "OV-ET-02": ("POVO", {"test/deelgenomen": False, "result/onderdelen": {}}),
    "OV-ET-04": ("POVO", {"test/deelgenomen": False, "result/wettelijke_ontheffing": "J"}),
    "OV-VZ-01": ("POVO", {"pupil/verzorger": None}),
    "OV-VZ-02": ("POVO", {_CONTACTS["carer"]: _MASKED}),
    "OV-VZ-04": ("POVO", {"pupil/adresgeheim": True, "pupil/adreslijst": None, "carer/adreslijst": None}),
    "OV-VZ-05": ("POVO", {f"{_CONTACTS['carer']}/nummer": "06-1234 5678"}),
    "OV-ID-09": ("POVO", {"pupil/leerlingid": OTHER_BSN}),
    "OV-VZ-09": ("POVO", {"carer/iban": "NL91ABNA0417164300"}),
    "OV-LE-01": ("POVO", {"advice/contactnodig": False, "advice/contactpersoon": " "}),
    "OV-LE-02": ("POVO", {"toets/resultaat": {"toetsscore": {"aantalopgaven": 20, "aantalfout": 3}}}),
    "OV-LE-03": (
        "POVO",
        {"huidigeschool/communicatielijst": {"communicatie": [_MASKED, _contact("telefoon", "0201234567")]}},
    ),
    "OV-RF-01": ("POVO", {"career/0/brincode": "99CD"}),
    "OV-RF-02": ("POVO", {"pupil/adreslijst/adres/0/postcode": "SW1A", "pupil/adreslijst/adres/0/land": "6039"}),
    "OV-CA-03": ("POVO", {"words/cat_bijlagedocs": "OPTIONEEL"}),
    "OV-CA-04": ("POVO", {"words/cat_vombo": "OPTIONEEL"}),
    "OV-FT-01": ("POVO", {"advice/argumentatie": "Zij haalde 19 van de 20."}),
    "OV-FT-02": ("POVO", {"inzage/redennietakkoord": f"Dossier 1{OTHER_BSN}."}),
    "OV-FT-03": ("POVO", {"advice/argumentatie": "Zij heeft een goede band met haar klas."}),
    "OV-FT-04": ("POVO", {"advice/aandachtspunten": "Bel 06 12345678."}),
    "OV-FT-05": ("POVO", {"advice/aandachtspunten": "Woont op 1234 AB."}),
    "OV-FT-06": ("POVO", {"advice/argumentatie": "De juf is de stof meester. Els is dat ook."}),
}
"""Dossiers that just do not break a rule; for the other rules the good dossier of the same profile serves."""


def near(rule: str) -> Example:
    """Return a dossier that a rule passes."""
    if rule in EXPECTED_PROFILE:
        return (EXPECTED_PROFILE[rule][0], {})
    if rule in OWN_CODES:
        return (OWN_CODES[rule][0][0], {})
    return NEAR.get(rule, (BREAKING[rule][0], {}))
