"""Marks in a region's personal data, and a search for them in everything that is not the ledger's ciphertext.

Each kind of personal data gets words that stand nowhere else, so that one find is one leak.
"""

import base64
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from .deployment import RegionDeployment

SURNAME, FIRST_NAME, STREET = "Merkachternaamzyx", "Merkvoornaamwvu", "Merkstraatqpo"
FILE, LITTER, VIEW = "Bestandsmerkklm", "Rommelmerkjih", "Zienswijzemerkdef"

_ELEMENTS = {"achternaam": SURNAME, "voornaam": FIRST_NAME, "roepnaam": FIRST_NAME, "straat": STREET}


@dataclass(frozen=True)
class Found:
    """A mark where it should not be."""

    place: str
    mark: str


def plant(deployment: RegionDeployment) -> None:
    """Put marks in all that schools of a deployment hold: dossiers, file names, the LAS database, parents' views."""
    region = deployment.folder / "region"
    for path in sorted(
        path for name in ("drop", "late") for path in (region / name / deployment.region.name).glob("*/*")
    ):
        stat = path.lstat()
        if path.is_symlink() or not path.is_file():
            continue
        if stat.st_size < 1_000_000 and path.suffix == ".xml":
            path.write_bytes(_marked(path.read_bytes()))
            os.utime(path, (stat.st_mtime, stat.st_mtime))
        if path.name.startswith(("OSO_", "Dossier", "nogmaals")):
            path.rename(path.with_name(f"{FILE} {path.name}"))
        elif not path.name.startswith((".", "~")):
            path.rename(path.with_name(f"{LITTER} {path.name}"))
    for path in (region / "reviews" / deployment.region.name).glob("*.csv"):
        text = path.read_text(encoding="utf-8-sig")
        path.write_text(re.sub(r"(;Nee;).*", rf"\1{VIEW}", text), encoding="utf-8-sig")
    if deployment.las:
        with psycopg.connect(deployment.server.superuser_dsn(deployment.las)) as connection:
            connection.execute(
                "update las.leerling set achternaam = %s, roepnaam = %s, voornamen = jsonb_build_array(%s::text)",
                [SURNAME, FIRST_NAME, FIRST_NAME],
            )
            connection.execute("update las.verzorger set achternaam = %s", [SURNAME])


def marks_of(deployment: RegionDeployment) -> list[str]:
    """Return every word that may stand with schools only: planted marks, numbers, LAS keys, addresses for mail."""
    found = [SURNAME, FIRST_NAME, STREET, FILE, LITTER, VIEW]
    for pupil in deployment.region.pupils():
        found += [pupil.number, pupil.las_key, *(carer.email for carer in pupil.carers)]
    return found


class Search:
    """Looks for words in bytes, as they are and in the forms that software gives them: hex, base64, UTF-16."""

    def __init__(self, words: Iterable[str]) -> None:
        self._forms = {form: word for word in words for form in _forms(word)}
        # Longest first; one pass for all words.
        ordered = sorted(self._forms, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(re.escape(form) for form in ordered))

    def data(self, place: str, content: bytes) -> Iterator[Found]:
        """Yield each word that stands in some bytes."""
        for form in sorted(set(self._pattern.findall(content))):
            yield Found(place, self._forms[form])

    def folder(self, folder: Path) -> Iterator[Found]:
        """Yield each word in the names and contents of all files below a folder."""
        for path in sorted(folder.rglob("*")):
            yield from self.data(f"name in {path.parent}", path.name.encode())
            if path.is_file() and not path.is_symlink():
                yield from self.data(str(path), path.read_bytes())

    def database(self, dsn: str) -> Iterator[Found]:
        """Yield each word in any column of any table; bytes are looked at as hex, which PostgreSQL prints them in."""
        with psycopg.connect(dsn) as connection:
            tables = connection.execute(
                "select schemaname, tablename from pg_tables "
                "where schemaname not in ('pg_catalog', 'information_schema')"
            ).fetchall()
            assert tables
            for schema, table in tables:
                query = sql.SQL("select t::text from {} t").format(sql.Identifier(schema, table))
                for (row,) in connection.execute(query):
                    yield from self.data(f"{schema}.{table}", row.encode())


def _forms(word: str) -> Iterator[bytes]:
    plain = word.encode()
    yield plain
    yield plain.hex().encode()
    yield word.encode("utf-16-le")
    for shift in range(3):  # where a word begins within base64's groups of three bytes
        coded = base64.b64encode(b"\0" * shift + plain)
        yield coded[(0, 2, 3)[shift] : len(coded) - 4 if len(coded) > 12 else None]


def _marked(content: bytes) -> bytes:
    for element, mark in _ELEMENTS.items():
        content = re.sub(rf"(<{element}>)[^<]*(</)".encode(), rf"\g<1>{mark}\g<2>".encode(), content)
    return content
