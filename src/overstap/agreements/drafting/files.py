"""Files of one agreement as texts: those in the regions folder, those of a draft, and how a draft replaces them."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from overstap.agreements.checks import check_agreements
from overstap.agreements.drafting.composition import schools_csv, schools_file_name
from overstap.agreements.findings import AgreementFinding, AgreementSeverity, finding
from overstap.agreements.load import agreement_paths, load_agreement
from overstap.agreements.model import Agreement
from overstap.agreements.source_positions import SCHOOLS_FILE, AgreementSource, Key, read_plain, read_source
from overstap.agreements.yaml_core import yaml_text
from overstap.atomic_files import write_atomically

MOST_BYTES, MOST_BYTES_OF_SCHOOLS, MOST_LINES = 200_000, 500_000, 5_000
"""Limits of a draft; an agreement with 150 schools has a tenth of each."""
HISTORY = "history"
"""Folder in a region's folder with the files that were replaced."""


@dataclass(frozen=True, slots=True)
class AgreementTexts:
    """The two files of an agreement.

    Args:
        content: the agreement file.
        schools: the file of schools (CSV); None when the schools are in the agreement file itself.
    """

    content: str
    schools: str | None

    @property
    def digest(self) -> str:
        """SHA-256 of both files, in hexadecimal."""
        return hashlib.sha256(f"{self.content}\n{self.schools or ''}".encode()).hexdigest()

    @property
    def is_too_large(self) -> bool:
        """Whether it is larger than a draft may be."""
        parts = ((self.content, MOST_BYTES), (self.schools or "", MOST_BYTES_OF_SCHOOLS))
        return any(len(text.encode()) > most or text.count("\n") > MOST_LINES for text, most in parts)


@dataclass(frozen=True, slots=True)
class AgreementPlace:
    """Place of an agreement in the regions folder.

    Args:
        folder: the regions folder.
        region: region id.
        school_year: school year.
    """

    folder: Path
    region: str
    school_year: str

    @property
    def path(self) -> Path:
        """Absolute path of the agreement file."""
        return self.folder.absolute() / self.region / f"{self.school_year}.yaml"

    def stored(self) -> AgreementTexts | None:
        """Return the files as they are; None when there is no agreement file.

        A workbook of schools is returned as CSV, which a draft can show.

        Raises:
            OSError: a file cannot be read.
            UnicodeDecodeError: the agreement file is no text.
            OverstapError: the list of schools cannot be read: AGREEMENT-031 or TABLE-nnn.
        """
        try:
            content = yaml_text(read_plain(self.path))
        except FileNotFoundError:
            return None
        name = read_source(self.path).text_at("schools", "file")
        beside = self.path.parent / name if name and SCHOOLS_FILE.fullmatch(name) else None
        if beside is None or not beside.is_file():
            return AgreementTexts(content, None)
        data = read_plain(beside)
        schools = schools_csv(data) if beside.suffix == ".xlsx" else data
        return AgreementTexts(content, schools.decode("utf-8-sig"))

    def source(self, texts: AgreementTexts) -> AgreementSource:
        """Return a draft as the reader of agreement files reads it at this place."""
        return read_source(self.path, contents=self.contents(texts))

    def agreement(self, texts: AgreementTexts) -> Agreement:
        """Return a draft as an agreement.

        Raises:
            OverstapError: AGREEMENT-001 when it is invalid.
        """
        return load_agreement(self.path, contents=self.contents(texts))

    def contents(self, texts: AgreementTexts) -> Mapping[Path, bytes]:
        """Return the contents of a draft by the paths that they would have."""
        found = {self.path: texts.content.encode()}
        name = read_source(self.path, contents=found).text_at("schools", "file")
        if texts.schools is not None and name is not None:
            found[self.path.parent / name] = texts.schools.encode()
        return found

    def findings(self, texts: AgreementTexts, base: AgreementTexts) -> Sequence[AgreementFinding]:
        """Return the findings of the check on a draft, and on what a draft may not do.

        A draft writes no other list of schools than this agreement's own, and names no database connection that this
        region's files do not name already: whose data a connection opens is the administrator's to say.

        Args:
            texts: the draft.
            base: the files that it was made from.
        """
        [checked] = check_agreements([self.path], contents=self.contents(texts))
        return (*checked.findings, *self._not_by_a_draft(texts, base))

    def has_errors(self, texts: AgreementTexts, base: AgreementTexts) -> bool:
        """Return whether a draft has findings that keep it from being approved."""
        return any(found.severity is AgreementSeverity.ERROR for found in self.findings(texts, base))

    def write(self, texts: AgreementTexts, before: AgreementTexts | None) -> None:
        """Make a draft the file: the list of schools first, then the agreement; what they replace is kept.

        Each file is replaced as a whole. A list of schools that is new beside an older agreement holds for a moment
        only, and a reader that finds the two not to fit keeps what it read last.

        Args:
            texts: the draft.
            before: the files that it replaces; None when there are none.

        Raises:
            OSError: a file cannot be written.
        """
        place = self.path.parent
        place.mkdir(parents=True, exist_ok=True)
        if before is not None:
            self._keep(before)
        contents = self.contents(texts)
        for path in sorted(contents, key=lambda path: path == self.path):
            write_atomically(path, contents[path], mode=0o644)

    def _keep(self, before: AgreementTexts) -> None:
        kept = self.path.parent / HISTORY
        kept.mkdir(exist_ok=True)
        name = f"{self.school_year}.{before.digest[:12]}"
        for ending, text in (("yaml", before.content), ("schools.csv", before.schools)):
            if text is not None and not (kept / f"{name}.{ending}").exists():
                write_atomically(kept / f"{name}.{ending}", text.encode(), mode=0o644)

    def _not_by_a_draft(self, texts: AgreementTexts, base: AgreementTexts) -> Iterator[AgreementFinding]:
        source = self.source(texts)
        own = {schools_file_name(self.school_year), self.source(base).text_at("schools", "file")}
        name = source.text_at("schools", "file")
        if name is not None and name not in own:
            key: Key = ("schools", "file")
            usual = schools_file_name(self.school_year)
            yield finding("AGREEMENT-033", source.position(key), key, file=name, usual=usual)
        stored = [read_source(path) for path in agreement_paths(self.folder, self.region)]
        known = {name for one in stored for _, name in _connections(one)}
        for where, connection in _connections(source):
            if connection not in known:
                yield finding("AGREEMENT-034", source.position(where), where, connection=connection)


def _connections(source: AgreementSource) -> Iterator[tuple[Key, str]]:
    """Yield the database connections that an agreement names."""
    schools = source.at("schools")
    count = len(schools) if isinstance(schools, list) else 0
    places: list[Key] = [("registrations", "connection")]
    places += [("schools", serial, "supplies", "connection") for serial in range(count)]
    for key in places:
        name = source.at(*key)
        if isinstance(name, str):
            yield key, name
