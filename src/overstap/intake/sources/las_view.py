"""The columns of the LAS view (`include/schemas/las/view.sql`) and where each goes in an OSO dossier."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    BLOCK = "block"
    """A jsonb object, OSO element names inside."""
    ITEMS = "items"
    """A jsonb list, one item per element."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the view."""

    name: str
    path: str
    """Element of the dossier, from the root, parts by "/"."""
    kind: Kind = Kind.TEXT


_SCHOOL = "huidigeschool"
_PUPIL = "huidigeschool/leerling"
_ADVICE = f"{_PUPIL}/overstapadvies"
_ABSENCE = f"{_PUPIL}/verzuim"

COLUMNS: tuple[Column, ...] = (
    Column("leerlingid", f"{_PUPIL}/leerlingid"),
    Column("brincode", f"{_SCHOOL}/brincode"),
    Column("vestigingscode", f"{_SCHOOL}/vestigingscode"),
    Column("pakketnaam", "metadata/pakketnaam"),
    Column("pakketversie", "metadata/pakketversie"),
    Column("dossierdatum", "metadata/datum"),
    Column("school_naam", f"{_SCHOOL}/naam"),
    Column("school_adressen", f"{_SCHOOL}/adreslijst/adres", Kind.ITEMS),
    Column("school_communicatie", f"{_SCHOOL}/communicatielijst/communicatie", Kind.ITEMS),
    Column("school_aanleverpunt", f"{_SCHOOL}/aanleverpunt"),
    Column("school_soort", f"{_SCHOOL}/soort"),
    Column("voornamen", f"{_PUPIL}/voornaam", Kind.ITEMS),
    Column("voorletters", f"{_PUPIL}/voorletters-1"),
    Column("voorvoegsel", f"{_PUPIL}/voorvoegsel"),
    Column("achternaam", f"{_PUPIL}/achternaam"),
    Column("roepnaam", f"{_PUPIL}/roepnaam"),
    Column("geboortedatum", f"{_PUPIL}/geboortedatum"),
    Column("geslacht", f"{_PUPIL}/geslacht"),
    Column("adresgeheim", f"{_PUPIL}/adresgeheim"),
    Column("adressen", f"{_PUPIL}/adreslijst/adres", Kind.ITEMS),
    Column("communicatie", f"{_PUPIL}/communicatielijst/communicatie", Kind.ITEMS),
    Column("adresbuitenland", f"{_PUPIL}/adresbuitenland", Kind.ITEMS),
    Column("gba", f"{_PUPIL}/gba", Kind.BLOCK),
    Column("bsn", f"{_PUPIL}/bsn"),
    Column("onderwijsnummer", f"{_PUPIL}/onderwijsnummer"),
    Column("onderwijssinds", f"{_PUPIL}/onderwijssinds"),
    Column("startdatumhuidigonderwijs", f"{_PUPIL}/startdatumhuidigonderwijs"),
    Column("datuminschrijving", f"{_PUPIL}/datuminschrijving"),
    Column("datumuitschrijving", f"{_PUPIL}/datumuitschrijving"),
    Column("leerlinggewicht", f"{_PUPIL}/leerlinggewicht"),
    Column("tehuis", f"{_PUPIL}/tehuis"),
    Column("huisarts", f"{_PUPIL}/huisarts", Kind.BLOCK),
    Column("verzorgersaansprakelijk", f"{_PUPIL}/verzorgersaansprakelijk"),
    Column("aansprakelijkeinstelling", f"{_PUPIL}/aansprakelijkeinstelling", Kind.BLOCK),
    Column("advies", f"{_ADVICE}/advies"),
    Column("wensouders", f"{_ADVICE}/wensouders"),
    Column("wensleerling", f"{_ADVICE}/wensleerling"),
    Column("herzienadvies", f"{_ADVICE}/herzienadvies"),
    Column("motivatie_herzienadvies", f"{_ADVICE}/motivatie_herzienadvies"),
    Column("adviesprofiel", f"{_ADVICE}/profiel"),
    Column("argumentatie", f"{_ADVICE}/argumentatie"),
    Column("contactnodig", f"{_ADVICE}/contactnodig"),
    Column("contactpersoon", f"{_ADVICE}/contactpersoon"),
    Column("contacttelefoon", f"{_ADVICE}/contacttelefoon"),
    Column("contactemail", f"{_ADVICE}/contactemail"),
    Column("aandachtspunten", f"{_ADVICE}/aandachtspunten"),
    Column("schoolloopbaan", f"{_PUPIL}/schoolloopbaanlijst/schoolloopbaan", Kind.ITEMS),
    Column("onderwijsondersteuning", f"{_PUPIL}/onderwijsondersteuning", Kind.BLOCK),
    Column("dagdelengeoorloofd", f"{_ABSENCE}/dagdelengeoorloofd"),
    Column("dagdelenongeoorloofd", f"{_ABSENCE}/dagdelenongeoorloofd"),
    Column("verzuimfrequentie", f"{_ABSENCE}/frequentie"),
    Column("meerdan25percent", f"{_ABSENCE}/meerdan25percent"),
    Column("contactleerplicht", f"{_ABSENCE}/contactleerplicht"),
    Column("eindtoets", f"{_PUPIL}/eindtoets_basisonderwijs", Kind.BLOCK),
    Column("toetsen", f"{_PUPIL}/toetslijst/toets", Kind.ITEMS),
    Column("cijferlijsten", f"{_PUPIL}/cijferlijstlijst/cijferlijst", Kind.ITEMS),
    Column("documenten", f"{_PUPIL}/overigdocumentlijst/document", Kind.ITEMS),
    Column("verzorgers", f"{_PUPIL}/verzorger", Kind.ITEMS),
)

NAMES: tuple[str, ...] = tuple(column.name for column in COLUMNS)
