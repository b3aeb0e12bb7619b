"""Columns of the LAS view (`include/schemas/las/view.sql`), each with its path in an OSO dossier."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ColumnKind(StrEnum):
    """Type of the content of a column."""

    TEXT = "text"
    BLOCK = "block"
    """A jsonb object with OSO element names as keys."""
    ITEMS = "items"
    """A jsonb array with one item per element."""
    FLAG = "flag"
    """Yes or no."""


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """One column of the view."""

    name: str
    path: str
    """Path of the element from the root of the dossier, separated by "/"."""
    kind: ColumnKind = ColumnKind.TEXT


_SCHOOL = "huidigeschool"
_PUPIL = "huidigeschool/leerling"
_ADVICE = f"{_PUPIL}/overstapadvies"
_ABSENCE = f"{_PUPIL}/verzuim"

COLUMNS: tuple[ViewColumn, ...] = (
    ViewColumn("leerlingid", f"{_PUPIL}/leerlingid"),
    ViewColumn("brincode", f"{_SCHOOL}/brincode"),
    ViewColumn("vestigingscode", f"{_SCHOOL}/vestigingscode"),
    ViewColumn("pakketnaam", "metadata/pakketnaam"),
    ViewColumn("pakketversie", "metadata/pakketversie"),
    ViewColumn("dossierdatum", "metadata/datum"),
    ViewColumn("school_naam", f"{_SCHOOL}/naam"),
    ViewColumn("school_adressen", f"{_SCHOOL}/adreslijst/adres", ColumnKind.ITEMS),
    ViewColumn("school_communicatie", f"{_SCHOOL}/communicatielijst/communicatie", ColumnKind.ITEMS),
    ViewColumn("school_aanleverpunt", f"{_SCHOOL}/aanleverpunt"),
    ViewColumn("school_soort", f"{_SCHOOL}/soort"),
    ViewColumn("voornamen", f"{_PUPIL}/voornaam", ColumnKind.ITEMS),
    ViewColumn("voorletters", f"{_PUPIL}/voorletters-1"),
    ViewColumn("voorvoegsel", f"{_PUPIL}/voorvoegsel"),
    ViewColumn("achternaam", f"{_PUPIL}/achternaam"),
    ViewColumn("roepnaam", f"{_PUPIL}/roepnaam"),
    ViewColumn("geboortedatum", f"{_PUPIL}/geboortedatum"),
    ViewColumn("geslacht", f"{_PUPIL}/geslacht"),
    ViewColumn("adresgeheim", f"{_PUPIL}/adresgeheim", ColumnKind.FLAG),
    ViewColumn("adressen", f"{_PUPIL}/adreslijst/adres", ColumnKind.ITEMS),
    ViewColumn("communicatie", f"{_PUPIL}/communicatielijst/communicatie", ColumnKind.ITEMS),
    ViewColumn("adresbuitenland", f"{_PUPIL}/adresbuitenland", ColumnKind.ITEMS),
    ViewColumn("gba", f"{_PUPIL}/gba", ColumnKind.BLOCK),
    ViewColumn("bsn", f"{_PUPIL}/bsn"),
    ViewColumn("onderwijsnummer", f"{_PUPIL}/onderwijsnummer"),
    ViewColumn("onderwijssinds", f"{_PUPIL}/onderwijssinds"),
    ViewColumn("startdatumhuidigonderwijs", f"{_PUPIL}/startdatumhuidigonderwijs"),
    ViewColumn("datuminschrijving", f"{_PUPIL}/datuminschrijving"),
    ViewColumn("datumuitschrijving", f"{_PUPIL}/datumuitschrijving"),
    ViewColumn("leerlinggewicht", f"{_PUPIL}/leerlinggewicht"),
    ViewColumn("tehuis", f"{_PUPIL}/tehuis", ColumnKind.FLAG),
    ViewColumn("huisarts", f"{_PUPIL}/huisarts", ColumnKind.BLOCK),
    ViewColumn("verzorgersaansprakelijk", f"{_PUPIL}/verzorgersaansprakelijk", ColumnKind.FLAG),
    ViewColumn("aansprakelijkeinstelling", f"{_PUPIL}/aansprakelijkeinstelling", ColumnKind.BLOCK),
    ViewColumn("advies", f"{_ADVICE}/advies"),
    ViewColumn("wensouders", f"{_ADVICE}/wensouders"),
    ViewColumn("wensleerling", f"{_ADVICE}/wensleerling"),
    ViewColumn("herzienadvies", f"{_ADVICE}/herzienadvies"),
    ViewColumn("motivatie_herzienadvies", f"{_ADVICE}/motivatie_herzienadvies"),
    ViewColumn("adviesprofiel", f"{_ADVICE}/profiel"),
    ViewColumn("argumentatie", f"{_ADVICE}/argumentatie"),
    ViewColumn("contactnodig", f"{_ADVICE}/contactnodig", ColumnKind.FLAG),
    ViewColumn("contactpersoon", f"{_ADVICE}/contactpersoon"),
    ViewColumn("contacttelefoon", f"{_ADVICE}/contacttelefoon"),
    ViewColumn("contactemail", f"{_ADVICE}/contactemail"),
    ViewColumn("aandachtspunten", f"{_ADVICE}/aandachtspunten"),
    ViewColumn("schoolloopbaan", f"{_PUPIL}/schoolloopbaanlijst/schoolloopbaan", ColumnKind.ITEMS),
    ViewColumn("onderwijsondersteuning", f"{_PUPIL}/onderwijsondersteuning", ColumnKind.BLOCK),
    ViewColumn("dagdelengeoorloofd", f"{_ABSENCE}/dagdelengeoorloofd"),
    ViewColumn("dagdelenongeoorloofd", f"{_ABSENCE}/dagdelenongeoorloofd"),
    ViewColumn("verzuimfrequentie", f"{_ABSENCE}/frequentie"),
    ViewColumn("meerdan25percent", f"{_ABSENCE}/meerdan25percent", ColumnKind.FLAG),
    ViewColumn("contactleerplicht", f"{_ABSENCE}/contactleerplicht", ColumnKind.FLAG),
    ViewColumn("eindtoets", f"{_PUPIL}/eindtoets_basisonderwijs", ColumnKind.BLOCK),
    ViewColumn("toetsen", f"{_PUPIL}/toetslijst/toets", ColumnKind.ITEMS),
    ViewColumn("cijferlijsten", f"{_PUPIL}/cijferlijstlijst/cijferlijst", ColumnKind.ITEMS),
    ViewColumn("documenten", f"{_PUPIL}/overigdocumentlijst/document", ColumnKind.ITEMS),
    ViewColumn("verzorgers", f"{_PUPIL}/verzorger", ColumnKind.ITEMS),
)

NAMES: tuple[str, ...] = tuple(column.name for column in COLUMNS)

# DOMAIN 2.1, column POVO: the categories of every dossier from this view. No parent has inspected it yet, as the
# inspection block states.
_FIXED: dict[str, Any] = {
    "metadata": {
        "deeldossier": "LASLVS",
        "standaardversie": "2019.1",
        "validatieversie": "2019.1.1",
        "categorie_uitlevering": {
            "cat_metadata": "VERPLICHT",
            "cat_ouderinzage": "VERPLICHT",
            "cat_school": "VERPLICHT",
            "cat_leerling": "VERPLICHT",
            "cat_oudersverzorgers": "VERPLICHT",
            "cat_vve": "VERBODEN",
            "cat_schoolloopbaan": "VERPLICHT",
            "cat_overstapadvies": "VERPLICHT",
            "cat_onderwijsondersteuning": "OPTIONEEL",
            "cat_verzuim": "OPTIONEEL",
            "cat_eindtoetsbo": "OPTIONEEL",
            "cat_toetsresultaten": "OPTIONEEL",
            "cat_handelingsplannen": "OPTIONEEL",
            "cat_cijferlijsten": "OPTIONEEL",
            "cat_vombo": "VERBODEN",
            "cat_bijlagedocs": "OPTIONEEL",
        },
        "overstap": "POVO",
    },
    "overdrachtsoort": "overstapdossier",
    "inzage": {"voorlopigdossier": "false", "inzage": "false"},
}

POVO_FRAME = json.dumps(_FIXED)
"""What every dossier from a view or a mapped export has, as JSON of nested values."""
