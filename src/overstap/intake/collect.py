"""Intake of one school's dossiers: reads, minimises and stores them in groups.

A refused file does not stop the others. A rerun reads and stores new and changed dossiers only: a file that was
supplied before is recognised by a keyed hash of its content, independent of its name and dates.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from overstap import SOFTWARE
from overstap.agreements import Agreement, Round, School
from overstap.errors import OverstapError
from overstap.intake.candidates import Candidate
from overstap.intake.refusals import RefusedItem
from overstap.ledger import Ledger
from overstap.ledger.dossiers import supplied_files
from overstap.ledger.dossiers.dossiers import IncomingDossier, RefusedFile, StoreCounts, note_refused, pupil_hash, store
from overstap.ledger.dossiers.supplied_files import RefusedContent, TakenFile
from overstap.ledger.region_keys import RegionKeys
from overstap.oso.facts import record_of
from overstap.oso.minimisation import UNNUMBERED, minimise
from overstap.oso.model import Dossier
from overstap.oso.reading import read
from overstap.oso.writing import content_digest, to_bytes

GROUP = 200
"""Dossiers per transaction; a killed task loses at most one group."""
Examine = Callable[[Dossier], object]
"""Checks one dossier and returns what its record keeps of that (`oso.facts.record_of`)."""


@dataclass(frozen=True, slots=True)
class CollectionResult:
    """Counts of one school's collection, in dossiers and files."""

    stored: StoreCounts
    refused: Counter[str]
    """Number of files or rows that were refused, per error code."""
    waiting: int
    """Number of files that are still being written; the next collection reads them."""

    @property
    def total(self) -> int:
        """Number of dossiers that the school supplies at present."""
        return self.stored.new + self.stored.changed + self.stored.unchanged + self.stored.too_late


def collect_school(
    ledger: Ledger,
    *,
    agreement: Agreement,
    agreed: Round,
    round_id: str,
    school: School,
    source: str,
    candidates: Iterable[Candidate | RefusedItem],
    actor: str,
    examine: Examine | None = None,
) -> CollectionResult:
    """Read a school's dossiers and store them in the ledger.

    Args:
        ledger: the ledger.
        agreement: the agreement that the round started with.
        agreed: the round in the agreement.
        round_id: id of the round.
        school: the supplying school.
        source: kind of source, as named in the agreement.
        candidates: the dossiers that the source supplies.
        actor: step or account, recorded in audit lines.
        examine: checks a dossier while it is in memory, so that it is not decrypted for that later; None to check
            later.

    Raises:
        OverstapError: INTAKE-050 when the school supplied nothing; INTAKE-051 when nothing was usable; LEDGER-012 when
            another process is collecting from this school for this round.
    """
    # Airflow can run a task twice at once: the run that read the source first must not write last
    with ledger.exclusive(f"collect {round_id} {school.id}"):
        return _collect(ledger, agreement, agreed, round_id, school, source, candidates, actor, examine)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """One pupil's file; `incoming` is its dossier, or None when the ledger has it already."""

    label: str
    file_name: str = field(repr=False)
    supplied: bytes | None
    incoming: IncomingDossier | None


def _reading_key(agreed: Round, school: School, source: str) -> str:
    """Return the parameters of reading besides the file content; when they change, files are read again."""
    return json.dumps([SOFTWARE, agreed.profile, sorted(agreed.categories), school.id, source])


def _supplied(keys: RegionKeys, reading_key: str, candidate: Candidate) -> bytes | None:
    """Return the keyed hash by which a file is recognised; None for a dossier that a source built from a database."""
    if isinstance(candidate.content, Dossier):
        return None
    return keys.lookup("supplied", f"{reading_key}\0{hashlib.sha256(candidate.content).hexdigest()}")


def _collect(
    ledger: Ledger,
    agreement: Agreement,
    agreed: Round,
    round_id: str,
    school: School,
    source: str,
    candidates: Iterable[Candidate | RefusedItem],
    actor: str,
    examine: Examine | None,
) -> CollectionResult:
    keys = ledger.keys(agreement.region)
    with ledger.unit(agreement.region, actor) as unit:
        known = supplied_files.known(unit, round_id, school.id)
    prepared: dict[bytes, _Prepared] = {}  # by the keyed hash of the pupil
    refused: list[RefusedFile] = []
    unreadable: list[RefusedContent] = []
    kept: list[bytes] = []
    duplicates: dict[bytes, list[tuple[str, str]]] = {}
    waiting = 0
    count = 0
    reading_keys: dict[str, str] = {}  # by the way in which a dossier is supplied
    other_profiles = {other.profile for other in agreement.rounds.values()} - {agreed.profile}
    for candidate in candidates:
        count += 1
        if isinstance(candidate, RefusedItem):
            waiting += candidate.is_waiting
            refused.append(_refused(candidate.label, candidate.file_name or "", candidate.error))
            continue
        way = candidate.source or source
        if way not in reading_keys:
            reading_keys[way] = _reading_key(agreed, school, way)
        supplied = _supplied(keys, reading_keys[way], candidate)
        before = known.get(supplied) if supplied is not None else None
        if before is not None and supplied is not None:
            kept.append(supplied)
        incoming = None
        pupil = before.pupil if before is not None else None
        if pupil is None:
            try:
                if before is not None:
                    raise OverstapError(before.code, **before.facts)
                incoming = prepare(candidate.content, agreed, school, way, examine)
            except OverstapError as error:
                # An error is stored with its facts; if they are not scalars, the file is read again next time
                if before is None and supplied is not None and len(_scalars(error)) == len(error.facts):
                    unreadable.append(RefusedContent(supplied, error.code, _scalars(error)))
                if error.code == "DOSSIER-014" and error.facts["found"] in other_profiles:
                    count -= 1  # a dossier for another round: the school has one folder for all rounds
                    continue
                refused.append(_refused(candidate.label, candidate.file_name, error))
                continue
            pupil = pupil_hash(keys, school.id, incoming)
        if pupil in prepared or pupil in duplicates:
            # Only the school knows which of two files is right, so both are refused
            files = duplicates.setdefault(pupil, [])
            if pupil in prepared:
                other = prepared.pop(pupil)
                files.append((other.label, other.file_name))
            files.append((candidate.label, candidate.file_name))
            continue
        prepared[pupil] = _Prepared(candidate.label, candidate.file_name, supplied, incoming)
    for files in duplicates.values():
        for label, file_name in files:
            others = ", ".join(other for other, _ in files if other != label)
            refused.append(_refused(label, file_name, OverstapError("INTAKE-053", label=label, others=others)))
    if not count:
        with ledger.unit(agreement.region, actor) as unit:
            note_refused(unit, round_id, school.id, [])
        raise OverstapError("INTAKE-050", school=school.label, contact=school.contact)
    incoming_dossiers = [one.incoming for one in prepared.values() if one.incoming is not None]
    stored = StoreCounts(unchanged=len(prepared) - len(incoming_dossiers))
    for start in range(0, len(incoming_dossiers), GROUP):
        with ledger.unit(agreement.region, actor) as unit:
            stored += store(unit, round_id, school.id, incoming_dossiers[start : start + GROUP])
    taken = [
        TakenFile(one.supplied, pupil, one.incoming.content_digest)
        for pupil, one in prepared.items()
        if one.supplied is not None and one.incoming is not None
    ]
    with ledger.unit(agreement.region, actor) as unit:
        note_refused(unit, round_id, school.id, refused)
        supplied_files.note(unit, round_id, school.id, kept=kept, taken=taken, refused=unreadable)
    if not prepared:
        codes = ", ".join(sorted({item.code for item in refused}))
        raise OverstapError("INTAKE-051", school=school.label, files=len(refused), codes=codes, contact=school.contact)
    return CollectionResult(stored, Counter(item.code for item in refused), waiting)


def prepare(
    content: bytes | Dossier, agreed: Round, school: School, source: str, examine: Examine | None = None
) -> IncomingDossier:
    """Read one dossier and minimise it to the permitted categories.

    Args:
        content: content of a file, or a dossier that a source built.
        agreed: the round in the agreement.
        school: the supplying school; a dossier of another school is refused.
        source: kind of source.
        examine: checks the minimised dossier; None to check later.

    Raises:
        OverstapError: DOSSIER-nnn when it cannot be read or has another profile; INTAKE-052 when it is from another
            school; INTAKE-054 without BSN and onderwijsnummer; INTAKE-055 without leerlingid, in a profile in which no
            number may be sent (rule PaO.LL12).
    """
    dossier = content if isinstance(content, Dossier) else read(content)
    if dossier.sender != school.id:
        raise OverstapError("INTAKE-052", school=school.label)
    if dossier.profile not in (None, agreed.profile):  # checked first, since the dossier may be for another round
        raise OverstapError("DOSSIER-014", found=dossier.profile, profile=agreed.profile)
    is_numbered = agreed.profile not in UNNUMBERED
    if is_numbered and not dossier.pupil_number:
        raise OverstapError("INTAKE-054", school=school.label)
    las_key = dossier.pupil.text("leerlingid") if dossier.pupil is not None else None
    if not is_numbered and not las_key:
        raise OverstapError("INTAKE-055", school=school.label)
    allowed = minimise(dossier, agreed.profile, agreed.categories)
    return IncomingDossier(
        dossier.pupil_number if is_numbered else None,
        las_key,
        to_bytes(allowed),
        content_digest(allowed),
        dossier.version,
        source,
        record_of(allowed, examine(allowed) if examine is not None else None),
    )


def _refused(label: str, file_name: str, error: OverstapError) -> RefusedFile:
    return RefusedFile(label, file_name, error.code, _scalars(error))


def _scalars(error: OverstapError) -> dict[str, str | int | float]:
    return {name: value for name, value in error.facts.items() if isinstance(value, str | int | float)}
