"""Record of a dossier's key facts: pupil, class, and persons entitled to inspect it.

It is created at intake and stored encrypted beside the dossier, so that letters, invitations, lists and reports do not
have to decrypt and parse the dossier.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date

import msgspec

from overstap.oso.entitled_persons import (
    EntitledReader,
    entitled_carers,
    entitled_pupil,
    is_of_age,
    pupil_name,
    school_class_of,
    sorting_name,
)
from overstap.oso.model import Dossier
from overstap.oso.reading import read

_FORMAT = 2


@dataclass(frozen=True, slots=True)
class AdviceFacts:
    """What a dossier says of the school's advice and the test.

    Args:
        is_known: whether the record has it; records of before there was none do not.
        advice: code of the advice (code list 2); empty without one.
        revised: code of the revised advice; empty without one.
        is_motivated: whether there is a motivation of the revision, or of not revising.
        is_provisional: whether the dossier is a provisional one.
        took_test: whether the pupil took part in the test; None: not stated.
        is_exempt: whether the pupil is exempt from it by law.
        test_advice: advice of the test in words; empty without one.
    """

    is_known: bool = False
    advice: str = field(default="", repr=False)
    revised: str = field(default="", repr=False)
    is_motivated: bool = field(default=False, repr=False)
    is_provisional: bool = False
    took_test: bool | None = field(default=None, repr=False)
    is_exempt: bool = field(default=False, repr=False)
    test_advice: str = field(default="", repr=False)

    @staticmethod
    def from_record(record: bytes) -> "AdviceFacts":
        """Parse a record."""
        return msgspec.json.decode(record, type=_AdviceRecord).facts.advice


@dataclass(frozen=True, slots=True)
class ContactFacts:
    """Whether the dossier asks the next school to talk with the sending one, and with whom (`overstapadvies`).

    Args:
        is_wanted: whether contact is needed.
        person: whom to call; empty when it does not say.
        telephone: the number; empty without one.
        email: the address; empty without one.
    """

    is_wanted: bool = False
    person: str = field(default="", repr=False)
    telephone: str = field(default="", repr=False)
    email: str = field(default="", repr=False)

    @staticmethod
    def from_record(record: bytes) -> "ContactFacts":
        """Parse a record; one of before contact was kept in it asks for none."""
        return msgspec.json.decode(record, type=_ContactRecord).facts.contact


@dataclass(frozen=True, slots=True)
class DossierFacts:
    """The facts of a dossier that letters and lists need.

    Args:
        oso_version: version of the data set.
        number: BSN or onderwijsnummer; empty when the dossier has none.
        las_key: key of the pupil in the school's system; empty without one.
        name: full name, as in letters.
        first_name: call name.
        surname: surname without its prefix.
        prefix: prefix of the surname.
        group: display name of the class.
        sorting: sort key for lists.
        birth_date: YYYY-MM-DD; None when the dossier does not state it.
        birth_month: YYYY-MM, where only the month is stated.
        pupil: the pupil as entitled reader when of age; None in profiles where parents always inspect.
        carers: the living legal representatives.
        advice: the school's advice and the test.
        contact: whether the next school should talk with the sending one.
    """

    oso_version: str
    number: str = field(repr=False)
    las_key: str = field(repr=False)
    name: str = field(repr=False)
    first_name: str = field(repr=False)
    surname: str = field(repr=False)
    prefix: str = field(repr=False)
    group: str = field(repr=False)
    sorting: str = field(repr=False)
    birth_date: str | None = field(repr=False)
    birth_month: str | None = field(repr=False)
    pupil: EntitledReader | None = field(repr=False)
    carers: tuple[EntitledReader, ...] = field(repr=False)
    advice: AdviceFacts = AdviceFacts()
    contact: ContactFacts = ContactFacts()

    def entitled(self, today: date, handle: Callable[[str], str]) -> list[EntitledReader]:
        """Return the persons entitled to inspect the dossier; empty without a living legal representative.

        Args:
            today: the Dutch date, for the pupil's age.
            handle: converts an identifying text into an opaque handle, such as a keyed hash.
        """
        born = date.fromisoformat(self.birth_date) if self.birth_date else None
        people = [self.pupil] if self.pupil is not None and is_of_age(born, today) else self.carers
        return [replace(each, key=handle(each.key)) for each in people]

    @staticmethod
    def make(content: bytes) -> bytes:
        """Return the record of a dossier from its XML.

        Raises:
            OverstapError: DOSSIER-nnn when the XML cannot be read.
        """
        return record_of(read(content))

    @staticmethod
    def from_record(record: bytes) -> "DossierFacts":
        """Parse a record."""
        return msgspec.json.decode(record, type=_FactsRecord).facts


class _FactsRecord(msgspec.Struct):
    """A record of which the facts are read; msgspec passes over the rest, which is most of it."""

    facts: DossierFacts


class _AdviceOnly(msgspec.Struct):
    advice: AdviceFacts = AdviceFacts()


class _AdviceRecord(msgspec.Struct):
    """A record of which the advice is read."""

    facts: _AdviceOnly


class _ContactOnly(msgspec.Struct):
    contact: ContactFacts = ContactFacts()


class _ContactRecord(msgspec.Struct):
    """A record of which is read whom the next school should talk with."""

    facts: _ContactOnly


class _ExaminationRecord(msgspec.Struct):
    """A record of which the result of the quality rules is taken out, unread."""

    judged: msgspec.Raw = msgspec.Raw()


def facts_of(dossier: Dossier) -> DossierFacts:
    """Extract the facts of a dossier."""
    pupil = dossier.pupil
    born = dossier.birth_date

    def text(name: str) -> str:
        return (pupil.text(name) or "") if pupil is not None else ""

    return DossierFacts(
        oso_version=dossier.version,
        number=dossier.pupil_number or "",
        las_key=text("leerlingid"),
        name=pupil_name(dossier),
        first_name=dossier.first_name or "",
        surname=text("achternaam"),
        prefix=text("voorvoegsel"),
        group=school_class_of(dossier).display_name,
        sorting=sorting_name(dossier),
        birth_date=born.isoformat() if born else None,
        birth_month=text("geboortemaand")[:7] or None,
        pupil=entitled_pupil(dossier),
        carers=entitled_carers(dossier),
        advice=_advice_of(dossier),
        contact=_contact_of(dossier),
    )


def _contact_of(dossier: Dossier) -> ContactFacts:
    """Extract whom the next school should talk with."""
    pupil = dossier.pupil
    advice = pupil.block("overstapadvies") if pupil is not None else None
    if advice is None or advice.text("contactnodig") not in ("true", "1"):
        return ContactFacts()
    return ContactFacts(
        True,
        *((advice.text(name) or "").strip() for name in ("contactpersoon", "contacttelefoon", "contactemail")),
    )


def _advice_of(dossier: Dossier) -> AdviceFacts:
    """Extract what a dossier says of the school's advice and the test."""
    pupil, inspection = dossier.pupil, dossier.tree.block("inzage")
    advice = pupil.block("overstapadvies") if pupil is not None else None
    test = pupil.block("eindtoets_basisonderwijs") if pupil is not None else None
    result = test.block("eindtoetsresultaat") if test is not None else None
    took = test.text("deelgenomen") if test is not None else None
    return AdviceFacts(
        is_known=True,
        advice=(advice.text("advies") or "") if advice is not None else "",
        revised=(advice.text("herzienadvies") or "") if advice is not None else "",
        is_motivated=bool(advice is not None and (advice.text("motivatie_herzienadvies") or "").strip()),
        is_provisional=inspection is not None and inspection.text("voorlopigdossier") in ("true", "1"),
        took_test=None if took is None else took in ("true", "1"),
        is_exempt=result is not None and result.text("wettelijke_ontheffing") == "J",
        test_advice=(result.text("toets_advies") or "") if result is not None else "",
    )


def record_of(dossier: Dossier, judged: object = None) -> bytes:
    """Return the record that is stored beside a dossier, JSON.

    Args:
        dossier: the dossier.
        judged: result of the quality rules, which msgspec writes as JSON, if they were applied at intake.
    """
    return msgspec.json.encode({"format": _FORMAT, "facts": facts_of(dossier), "judged": judged})


def examination_in(record: bytes) -> bytes | None:
    """Return the result of the quality rules in a record, JSON; None when they were not applied at intake."""
    found = bytes(msgspec.json.decode(record, type=_ExaminationRecord).judged)
    return None if found in (b"", b"null") else found
