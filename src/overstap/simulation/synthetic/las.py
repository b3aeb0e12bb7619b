"""LAS database of a synthetic region: rows of the reference tables (`include/schemas/las/tables.sql`)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from overstap.agreements.model import RegistrationStage
from overstap.resources import INCLUDE
from overstap.simulation.synthetic import oso
from overstap.simulation.synthetic.pupil import SyntheticPupil
from overstap.simulation.synthetic.region import SyntheticRegion
from overstap.simulation.synthetic.school import PrimarySchool, SchoolBehaviour, SupplySource

_SCHEMAS = INCLUDE / "schemas" / "las"

Row = tuple[str | None, ...]
"""Values of one row as PostgreSQL reads them from text."""

PHASES = {
    RegistrationStage.APPLIED: "aangemeld",
    RegistrationStage.REGISTERED: "ingeschreven",
    RegistrationStage.PLACED: "geplaatst",
}
"""How a stage is called in CSV files and the LAS."""

# Column of las.leerling and element of leerling, where they are the same but for the name.
_PUPIL_TEXTS = {
    "voorletters": "voorletters-1",
    **{
        name: name
        for name in (
            *("voorvoegsel", "achternaam", "roepnaam", "geboortedatum", "geslacht", "adresgeheim", "bsn"),
            *("onderwijsnummer", "onderwijssinds", "startdatumhuidigonderwijs", "datuminschrijving"),
            *("datumuitschrijving", "leerlinggewicht", "tehuis", "verzorgersaansprakelijk"),
        )
    },
}
_PUPIL_BLOCKS = {
    "gba": "gba",
    "aansprakelijkeinstelling": "aansprakelijkeinstelling",
    "onderwijsondersteuning": "onderwijsondersteuning",
    "eindtoets": "eindtoets_basisonderwijs",
}
_ADVICE = {
    "adviesprofiel": "profiel",
    **{
        name: name
        for name in (
            *("advies", "wensouders", "wensleerling", "herzienadvies", "motivatie_herzienadvies", "argumentatie"),
            *("contactnodig", "contactpersoon", "contacttelefoon", "contactemail", "aandachtspunten"),
        )
    },
}
_ABSENCE = {
    "verzuimfrequentie": "frequentie",
    **{name: name for name in ("dagdelengeoorloofd", "dagdelenongeoorloofd", "meerdan25percent", "contactleerplicht")},
}
_CAREER = (
    *("schooljaar", "groepscode", "groepsnaam", "jaargroep", "begindatum", "einddatum"),
    *("brincode", "vestigingscode", "schoolsoort"),
)
_CARER = (
    "voorvoegsel",
    "achternaam",
    "geslacht",
    "adresgeheim",
    "relatietotkind",
    "overleden",
    "wettigevertegenwoordiger",
)
_KEY = ("brin", "vestiging", "leerlingid")

TABLES: dict[str, tuple[str, ...]] = {
    "school": (
        *("brincode", "vestigingscode", "naam", "adressen", "communicatie", "aanleverpunt", "soort"),
        *("pakketnaam", "pakketversie"),
    ),
    "leerling": (
        *(*_KEY, "groep", "dossierdatum", "voornamen", "adressen", "documenten"),
        *(*_PUPIL_TEXTS, *_PUPIL_BLOCKS, *_ADVICE, *_ABSENCE),
    ),
    "verzorger": (*_KEY, "volgnummer", "voornamen", "voorletters", "adressen", "communicatie", *_CARER),
    "schoolloopbaan": (*_KEY, *_CAREER),
    "toets": (*_KEY, "volgnummer", "inhoud"),
    "aanmelding": (*("regio", "leerlingnummer", "geboortedatum", "basisschool", "vo_school", "fase", "vastgelegd_op"),),
}
"""The tables in the order in which they can be filled, each with its columns."""


def rows(region: SyntheticRegion) -> Iterator[tuple[str, Row]]:
    """Make every row of the region's LAS database, with the name of its table.

    Schools that supply from the database and are not late have pupils in it. Applications of all pupils are there.
    """
    for school in region.primary:
        if school.source is not SupplySource.LAS_DATABASE:
            continue
        yield "school", _school(school)
        if school.behaviour is SchoolBehaviour.LATE:
            continue
        for pupil in region.pupils(school):
            yield from _pupil(pupil, region.values(pupil))
    for pupil in region.pupils():
        for choice in pupil.choices:
            yield (
                "aanmelding",
                (
                    *(region.name, pupil.number, pupil.birth_date.isoformat(), pupil.school.id, choice.school_id),
                    *(PHASES[choice.stage], choice.recorded_at.isoformat()),
                ),
            )


def _school(school: PrimarySchool) -> Row:
    values = oso.school_values(school)
    return (
        *(school.brin, school.branch, school.name, _json(values["adreslijst"]["adres"])),
        *(_json(values["communicatielijst"]["communicatie"]), values["aanleverpunt"], values["soort"]),
        *("Synthetisch LAS", "1.0"),
    )


def _pupil(pupil: SyntheticPupil, values: oso.Values) -> Iterator[tuple[str, Row]]:
    leerling = values["huidigeschool"]["leerling"]
    key = (pupil.school.brin, pupil.school.branch, pupil.las_key)
    yield (
        "leerling",
        (
            *(*key, "8", values["metadata"]["datum"], _json(leerling["voornaam"])),
            *(_json(leerling.get("adreslijst", {}).get("adres")), _json(_documents(leerling))),
            *(leerling.get(name) for name in _PUPIL_TEXTS.values()),
            *(_json(leerling.get(name)) for name in _PUPIL_BLOCKS.values()),
            *(leerling["overstapadvies"].get(name) for name in _ADVICE.values()),
            *(leerling["verzuim"].get(name) for name in _ABSENCE.values()),
        ),
    )
    for serial, carer in enumerate(leerling.get("verzorger", ())):
        yield (
            "verzorger",
            (
                *(*key, str(serial), _json(carer["voornaam"]), carer.get("voorletters-1")),
                _json(carer.get("adreslijst", {}).get("adres")),
                _json(carer.get("communicatielijst", {}).get("communicatie")),
                *(carer.get(name) for name in _CARER),
            ),
        )
    for entry in leerling["schoolloopbaanlijst"]["schoolloopbaan"]:
        yield "schoolloopbaan", (*key, *(entry.get(name) for name in _CAREER))
    for serial, test in enumerate(leerling["toetslijst"]["toets"]):
        yield "toets", (*key, str(serial), _json(test))


def _documents(leerling: oso.Values) -> list[oso.Values] | None:
    found: oso.Values = leerling.get("overigdocumentlijst", {})
    return found.get("document")


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


def load_las(connection: psycopg.Connection[Any], region: SyntheticRegion) -> dict[str, int]:
    """Make tables and views where they are not there yet, and fill them with a region; what it had before is replaced.

    Args:
        connection: psycopg 3, of a role that may create schemas in the database.
        region: the region.

    Returns:
        Number of rows per table.
    """
    counts = dict.fromkeys(TABLES, 0)
    pending: dict[str, list[Row]] = {name: [] for name in TABLES}

    def flush() -> None:
        for name, waiting in pending.items():
            if not waiting:
                continue
            columns = sql.SQL(", ").join(map(sql.Identifier, TABLES[name]))
            statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier("las", name), columns)
            with connection.cursor() as cursor, cursor.copy(statement) as copy:
                for row in waiting:
                    copy.write_row(row)
            counts[name] += len(waiting)
            waiting.clear()

    with connection.transaction():
        connection.execute(_sql("tables.sql"))
        connection.execute(_sql("view.sql"))
        for school in region.primary:
            connection.execute(
                "DELETE FROM las.school WHERE (brincode, vestigingscode) = (%s, %s)", (school.brin, school.branch)
            )
        connection.execute("DELETE FROM las.aanmelding WHERE regio = %s", (region.name,))
        for name, row in rows(region):
            pending[name].append(row)
            if len(pending["leerling"]) >= 1_000 or len(pending["aanmelding"]) >= 5_000:
                flush()
        flush()
    return counts


def write_las(region: SyntheticRegion, path: Path) -> dict[str, int]:
    """Write the LAS database as one file for `psql -f`: tables, views, and rows as COPY text.

    Returns:
        Number of rows per table.
    """
    counts = dict.fromkeys(TABLES, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.write("SET client_encoding TO 'UTF8';\nBEGIN;\n")
        file.write(_sql("tables.sql").decode() + _sql("view.sql").decode())
        current = ""
        for name, row in rows(region):
            if name != current:
                file.write("\\.\n" if current else "")
                file.write(f"COPY las.{name} ({', '.join(TABLES[name])}) FROM stdin;\n")
                current = name
            file.write("\t".join(map(_copied, row)) + "\n")
            counts[name] += 1
        file.write(("\\.\n" if current else "") + "COMMIT;\n")
    return counts


def _sql(name: str) -> bytes:
    return (_SCHEMAS / name).read_bytes()


def _copied(value: str | None) -> str:
    r"""Return a value in COPY's text form: \N for NULL, control characters and backslashes escaped."""
    if value is None:
        return r"\N"
    return value.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")
