"""Operations of the schools' pages for a school that collects its dossiers there and confirms by account."""

import io
import zipfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath
from uuid import UUID

from overstap.agreements import RoundId
from overstap.clock import now
from overstap.envelope.envelope import DOSSIER_FILE, files_of
from overstap.ledger import Ledger
from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.delivery import on_page
from overstap.ledger.delivery.on_page import CollectedPackage, PageDelivery, RevokedOnPage
from overstap.ledger.dossiers import records
from overstap.ledger.dossiers.reference import reference
from overstap.ledger.rounds.rounds import get_round
from overstap.oso.attachments import UnpackingError, unpack
from overstap.oso.content import AttachmentType
from overstap.oso.facts import DossierFacts
from overstap.oso.model import Dossier
from overstap.oso.reading import read
from overstap.oso.traversal import documents

RESULTS = ("imported", "placed", "not_placed", "not_shown_up")
"""What a school can say later of a dossier that it confirmed."""
FORMS = ("xml", "pdf", "both", "sheet")
"""Forms in which dossiers are collected: XML, PDF with attachments, both, or sheets for retyping."""
MAX_AT_ONCE = 50
"""Most dossiers in one download."""
MAX_BYTES = 60_000_000
"""Most bytes of packages in one download; a single dossier may be larger."""
_SAFE_ENDINGS = frozenset(
    {"pdf", "jpg", "jpeg", "png", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "odt", "ods", "odp", "txt"}
)


@dataclass(frozen=True, slots=True)
class PagePupil:
    """A dossier on the page, with the pupil's name.

    Args:
        delivery: the delivery.
        reference: the reference of the dossier.
        name: the pupil's name.
        birth_date: YYYY-MM-DD; None when the dossier does not state it.
        school: name of the school that sent it.
    """

    delivery: PageDelivery
    reference: str
    name: str = field(repr=False)
    birth_date: str | None = field(repr=False)
    school: str
    said: tuple[str, ...] = ()
    """What was said of it later: "imported", "placed", "not_placed", "not_shown_up"."""


@dataclass(frozen=True, slots=True)
class PageRound:
    """The dossiers of one round on the page.

    Args:
        kind: its kind, in Dutch.
        school_year: its school year.
        pupils: the pupils, by name.
        flattens: whether the agreement has PDF attachments shown as pictures, which is then chosen at first.
    """

    kind: str
    school_year: str
    pupils: list[PagePupil]
    flattens: bool


@dataclass(frozen=True, slots=True)
class RevokedPupil:
    """A dossier that was taken back, by reference: its name is no longer shown."""

    revoked: RevokedOnPage
    reference: str
    school: str


@dataclass(frozen=True, slots=True)
class CollectingPage:
    """What a school can collect.

    Args:
        is_open: whether the session showed a second factor; without it nothing is listed.
        rounds: the rounds with dossiers on the page.
        revoked: dossiers that the school has to remove.
    """

    is_open: bool
    rounds: list[PageRound] = field(default_factory=list)
    revoked: list[RevokedPupil] = field(default_factory=list)

    @property
    def confirmed(self) -> list[PagePupil]:
        """The dossiers that were confirmed."""
        return [one for each in self.rounds for one in each.pupils if one.delivery.confirmed_at]

    @property
    def to_confirm(self) -> list[PagePupil]:
        """The dossiers that were collected and not confirmed."""
        return [
            one
            for each in self.rounds
            for one in each.pupils
            if one.delivery.collected and not one.delivery.confirmed_at
        ]


@dataclass(frozen=True, slots=True)
class Download:
    """A file for the browser."""

    content: bytes = field(repr=False)
    name: str
    media: str


class CollectingOperations:
    """Operations on the dossiers that the session's school collects.

    Args:
        borrow: lends a connection to the ledger.
    """

    def __init__(self, borrow: Callable[[], AbstractContextManager[Ledger]]) -> None:
        self._borrow = borrow

    def is_receiver(self, account: SchoolAccount) -> bool:
        """Tell whether the account is of a school that receives pupils of primary schools."""
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            return on_page.receives(unit, account.school)

    def page(self, account: SchoolAccount, session: bytes) -> CollectingPage:
        """Return what the school can collect.

        Args:
            account: the account of the session.
            session: identifier of the session.
        """
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            if not on_page.is_open(unit, session):
                return CollectingPage(is_open=False)
            ready = on_page.ready(unit, account.school)
            facts = records.of(unit, [one.ref for one in ready], DossierFacts)
            senders = on_page.senders(unit, [one.ref.dossier for one in ready])
            results = on_page.said_results(unit, [one.message_id for one in ready])
            rounds: dict[str, list[PagePupil]] = {}
            for one in ready:
                known = facts.get(one.ref)
                if known is None:  # erased meanwhile
                    continue
                sender = senders[one.ref.dossier]
                said = tuple(results.get(one.message_id, ()))
                pupil = PagePupil(one, reference(one.ref.dossier), known.name, known.birth_date, sender, said)
                rounds.setdefault(one.round_id, []).append(pupil)
            flattens = {each: get_round(unit, each).agreement.pdf_attachments == "flattened" for each in rounds}
            taken_back = on_page.revoked(unit, account.school)
            from_school = on_page.senders(unit, [one.ref.dossier for one in taken_back])
        revoked = [RevokedPupil(one, reference(one.ref.dossier), from_school[one.ref.dossier]) for one in taken_back]
        return CollectingPage(
            is_open=True,
            rounds=[
                PageRound(
                    RoundId(each).kind.dutch,
                    RoundId(each).school_year,
                    sorted(found, key=lambda one: (one.name, one.reference)),
                    flattens[each],
                )
                for each, found in rounds.items()
            ],
            revoked=revoked,
        )

    def is_too_large(self, account: SchoolAccount, message_ids: Sequence[UUID]) -> bool:
        """Tell whether several dossiers are too large for one download."""
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            size = on_page.size(unit, account.school, message_ids)
        return len(message_ids) > 1 and size > MAX_BYTES

    def collect(
        self,
        account: SchoolAccount,
        session: bytes,
        message_ids: Sequence[UUID],
        form: str,
        *,
        flattens: bool = False,
    ) -> Download | None:
        """Return dossiers as a file; that they were collected is recorded before it is made.

        Args:
            account: the account of the session.
            session: identifier of the session.
            message_ids: ids of deliveries.
            form: one of `FORMS`.
            flattens: whether a PDF attachment is handed out as a picture of each page, and otherwise left out; the XML
                has the attachments as they were sent.

        Returns:
            None when none of them is on the page of this school (any more).
        """
        at = now()
        with self._borrow() as ledger:
            with ledger.unit(account.region, account.actor) as unit:
                packages = on_page.collect(unit, session, message_ids, form)
                senders = on_page.senders(unit, [one.ref.dossier for one in packages])
            keys = ledger.keys(account.region)
            files = [files_of(keys.decrypt(one.content, one.bound_to)) for one in packages]
        if not packages:
            return None
        read_ones = [_Read(one, found, senders[one.ref.dossier]) for one, found in zip(packages, files, strict=True)]
        return _download(read_ones, form, at, flattens=flattens)

    def confirm(self, account: SchoolAccount, session: bytes, message_ids: Sequence[UUID]) -> int | None:
        """Confirm collected dossiers; return how many were confirmed now, None without a second factor."""
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            return on_page.confirm(unit, session, message_ids)

    def say_result(
        self, account: SchoolAccount, session: bytes, message_ids: Sequence[UUID], outcome: str
    ) -> int | None:
        """Keep what the school says later of confirmed dossiers; result as of `confirm`."""
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            return on_page.say_result(unit, session, message_ids, outcome)

    def say_removed(self, account: SchoolAccount, session: bytes, message_ids: Sequence[UUID]) -> int | None:
        """Record that the school removed dossiers that were taken back; result as of `confirm`."""
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            return on_page.say_removed(unit, session, message_ids)


class _Read:
    """A package with its files, read."""

    def __init__(self, package: CollectedPackage, files: dict[str, bytes], school: str) -> None:
        self.reference = reference(package.ref.dossier)
        self.files = files
        self.school = school
        self.dossier: Dossier = read(files[DOSSIER_FILE])

    def attachments(self, *, flattens: bool) -> list[tuple[str, str, bytes]]:
        """Return the attachments: name in a ZIP (empty: not to be unpacked, or not to be drawn), title, content."""
        found = []
        for number, (path, block) in enumerate(documents(self.dossier), start=1):
            title = block.text("titel") or block.text("bestandsnaam") or f"{number}"
            try:
                unpacked = unpack(path, block.text("bestandsinhoud") or "")
            except UnpackingError:
                found.append(("", title, b""))
                continue
            # The school's own name may hold a pupil's; only a known ending is kept of it
            ending = PurePath(unpacked.name).suffix.lower().removeprefix(".")
            safe = ending if ending in _SAFE_ENDINGS else "bin"
            content = unpacked.file.data
            if flattens and (unpacked.file.kind is AttachmentType.PDF or safe == "pdf"):
                # Loaded where somebody asks for it: what draws and writes PDFs is 45 MB
                from overstap.pdf.flattening import NotFlattenedError, flattened

                try:
                    safe, content = "pdf", flattened(content)
                except NotFlattenedError:
                    found.append(("", title, b""))
                    continue
            found.append((f"bijlage-{number}.{safe}", title, content))
        return found


def _download(found: Sequence[_Read], form: str, at: datetime, *, flattens: bool) -> Download:
    from overstap.pages.school.retyping import ReceivedDossier, sheets, whole  # makes PDFs: loaded once one is made

    def received(one: _Read, attachments: Sequence[tuple[str, str, bytes]] = ()) -> ReceivedDossier:
        prefix = one.dossier.pupil.text("voorvoegsel") if one.dossier.pupil else None
        pupil = " ".join(filter(None, (one.dossier.first_name, prefix, one.dossier.surname)))
        return ReceivedDossier(
            one.dossier, one.reference, pupil, one.school, [(name, title) for name, title, _ in attachments]
        )

    if form == "sheet":
        return Download(sheets([received(one) for one in found], at), "overtypbladen.pdf", "application/pdf")
    made: list[tuple[str, bytes]] = []
    for one in found:
        if form in ("xml", "both"):
            made += [(f"{one.reference}/{name}", content) for name, content in one.files.items()]
        if form in ("pdf", "both"):
            attachments = one.attachments(flattens=flattens)
            made.append((f"{one.reference}/dossier.pdf", whole(received(one, attachments), at)))
            made += [(f"{one.reference}/{name}", content) for name, _, content in attachments if name]
    if len(made) == 1:
        [(name, content)] = made
        is_pdf = name.endswith(".pdf")
        return Download(content, f"overstap{PurePath(name).suffix}", "application/pdf" if is_pdf else "application/xml")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in made:
            archive.writestr(name, content)
    return Download(out.getvalue(), "overstapdossiers.zip", "application/zip")
