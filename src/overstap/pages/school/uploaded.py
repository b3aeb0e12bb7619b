"""Operations of the schools' pages on OSO files that a school uploads instead of typing a dossier in.

A file is read, minimised and judged at once. One that could not be delivered is not kept: the school is told why.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from overstap.clock import dutch_time, now
from overstap.errors import OverstapError
from overstap.intake.collect import prepare
from overstap.ledger import Ledger
from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.dossiers import typed
from overstap.ledger.dossiers.dossiers import IncomingDossier, pupil_hash
from overstap.ledger.dossiers.typed import TypedAnswer
from overstap.ledger.session import UnitOfWork
from overstap.oso.model import Dossier
from overstap.oso.reading import DEFAULT_LIMITS, read
from overstap.pages.school.typed_operations import TypedRound, typed_round
from overstap.quality import rulebook
from overstap.quality.examination import examine
from overstap.quality.findings import DossierSeverity
from overstap.quality.report import readable_path
from overstap.texts import texts

LARGEST_FILE = DEFAULT_LIMITS.size_bytes
"""Bytes of the largest file that is read."""
MOST_FAULTS = 12
"""Most faults of a file that are told at once."""
_NAMED = ("roepnaam", "voornaam", "voorvoegsel", "achternaam", "bsn", "onderwijsnummer", "leerlingid")
_TRIES = 5
_UPLOADED = "typed"


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file as it was sent, with its name on the school's computer."""

    name: str = field(repr=False)
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class UploadedOutcome:
    """What became of a file.

    Args:
        name: its name on the school's computer; for the page alone.
        state: "taken", "same" (nothing changed since the last time) or "refused".
        why: why it was refused: Dutch sentences, each with the place in the dossier; empty for the whole file.
        more: number of further faults that are not told.
    """

    name: str = field(repr=False)
    state: str
    why: Sequence[tuple[str, str]] = ()
    more: int = 0


class UploadOperations:
    """Operations on uploaded files; each is limited to the account's school, in its region's role.

    Args:
        borrow: lends a connection to the ledger.
    """

    def __init__(self, borrow: Callable[[], AbstractContextManager[Ledger]]) -> None:
        self._borrow = borrow

    def take(self, account: SchoolAccount, round_id: str, files: Sequence[UploadedFile]) -> list[UploadedOutcome]:
        """Hand in the dossiers of files; one that is refused does not stop the others.

        Args:
            account: who uploads.
            round_id: the round.
            files: the files.

        Raises:
            OverstapError: SCHOOL-010 when the school supplies nothing in the round, or it is closed.
        """
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            about = typed_round(unit, round_id, account.school)
        if about.is_closed:
            raise OverstapError("SCHOOL-010")
        read_ones = [_read(about, account, one) for one in files]  # without a connection: all schools share four
        found = []
        with self._borrow() as ledger:
            keys = ledger.keys(account.region)
            pupils = [
                pupil_hash(keys, account.school, one) if isinstance(one, IncomingDossier) else None for one in read_ones
            ]
            several = {pupil for pupil, count in Counter(pupils).items() if pupil is not None and count > 1}
            for file, one, pupil in zip(files, read_ones, pupils, strict=True):
                if not isinstance(one, IncomingDossier):
                    found.append(one)
                elif pupil in several:  # only the school knows which of two is right
                    found.append(UploadedOutcome(file.name, "refused", [(_says("twice"), "")]))
                else:
                    found.append(_handed_in(ledger, account, round_id, file.name, one))
        return found


def _read(about: TypedRound, account: SchoolAccount, file: UploadedFile) -> IncomingDossier | UploadedOutcome:
    """Read and judge a file as the intake does."""
    try:
        dossier = read(file.content)
        incoming = prepare(dossier, about.agreed, about.agreement.school(account.school), _UPLOADED)
    except OverstapError as problem:
        return UploadedOutcome(file.name, "refused", [(f"{problem.message_nl} {problem.do_nl}", "")])
    wrong = _faults(about, read(incoming.content))
    if not wrong:
        return incoming
    return UploadedOutcome(file.name, "refused", wrong[:MOST_FAULTS], max(0, len(wrong) - MOST_FAULTS))


def _faults(about: TypedRound, dossier: Dossier) -> list[tuple[str, str]]:
    """Return what keeps a dossier from being delivered: sentence, and place in the dossier."""
    today = dutch_time(now()).date()
    found = []
    for rule, severity, path in examine(
        dossier, profile=about.agreed.profile, today=today, expected=about.expected, own_codes=about.own_codes
    ).findings:
        if severity == DossierSeverity.ERROR.value:
            said = rulebook.sentence(rule, dossier.version, path)
            found.append((f"{said.nl} {said.do_nl}", readable_path(path, dossier.version)))
    return list(dict.fromkeys(found))


def _handed_in(
    ledger: Ledger, account: SchoolAccount, round_id: str, name: str, incoming: IncomingDossier
) -> UploadedOutcome:
    for _ in range(_TRIES):  # somebody else can upload the same pupil at this moment
        with ledger.unit(account.region, account.actor) as unit:
            answer = _put(unit, account, round_id, incoming)
        if answer is TypedAnswer.HANDED_IN:
            return UploadedOutcome(name, "taken")
        if answer is TypedAnswer.SAVED:
            return UploadedOutcome(name, "same")
        if answer is not TypedAnswer.CHANGED:
            return UploadedOutcome(name, "refused", [(_says(answer.value), "")])
    return UploadedOutcome(name, "refused", [(_says(TypedAnswer.CHANGED.value), "")])


def _put(unit: UnitOfWork, account: SchoolAccount, round_id: str, incoming: IncomingDossier) -> TypedAnswer:
    """Hand one dossier in; "saved" when it is what was handed in before."""
    pupil = pupil_hash(unit.keys, account.school, incoming)
    before = typed.of_pupil(unit, round_id, account.school, pupil)
    if before is not None and before.is_file and typed.content_of(unit, before.typed) == incoming.content:
        return TypedAnswer.SAVED
    dossier = read(incoming.content)
    named = {
        f"leerling/{name}": text
        for name in _NAMED
        if dossier.pupil is not None and (text := dossier.pupil.text(name)) is not None
    }
    return typed.hand_in_file(
        *(unit, round_id, account.school, before),
        content=incoming.content,
        name=named,
        pupil=pupil,
        digest=incoming.content_digest,
        by=account.actor,
    )


def _says(key: str) -> str:
    return str(texts("school/typed")["upload"][key]["nl"])
