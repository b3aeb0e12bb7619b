"""Record of a dossier's key facts: pupil, class, and persons entitled to inspect it.

It is created at intake and stored encrypted beside the dossier, so that letters, invitations, lists and reports do not
have to decrypt and parse the dossier.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any

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
        kept = json.loads(record)["facts"].get("advice")
        return AdviceFacts(**kept) if kept else AdviceFacts()


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
        kept = json.loads(record)["facts"].get("contact")
        return ContactFacts(**kept) if kept else ContactFacts()


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
        facts = json.loads(record)["facts"]
        pupil, carers, advice = facts.pop("pupil"), facts.pop("carers"), facts.pop("advice", None)
        contact = facts.pop("contact", None)
        return DossierFacts(
            **facts,
            pupil=_person(pupil) if pupil else None,
            carers=tuple(_person(each) for each in carers),
            advice=AdviceFacts(**advice) if advice else AdviceFacts(),
            contact=ContactFacts(**contact) if contact else ContactFacts(),
        )


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


def record_of(dossier: Dossier, judged: Mapping[str, Any] | None = None) -> bytes:
    """Return the record that is stored beside a dossier, JSON.

    Args:
        dossier: the dossier.
        judged: result of the quality rules as JSON, if they were applied at intake.
    """
    facts = facts_of(dossier)
    values = _values(facts) | {
        "pupil": None if facts.pupil is None else _values(facts.pupil),
        "carers": [_values(each) for each in facts.carers],
        "advice": _values(facts.advice),
        "contact": _values(facts.contact),
    }
    kept = {"format": _FORMAT, "facts": values, "judged": judged}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode()


def _values(facts: DossierFacts | EntitledReader | AdviceFacts | ContactFacts) -> dict[str, Any]:
    """Return the fields as a dictionary, without the deep copies of `dataclasses.asdict`."""
    return {each.name: getattr(facts, each.name) for each in fields(facts)}


def examination_in(record: bytes) -> dict[str, Any] | None:
    """Return the result of the quality rules in a record; None when they were not applied at intake."""
    found: dict[str, Any] | None = json.loads(record).get("judged")
    return found


def _person(values: dict[str, Any]) -> EntitledReader:
    return EntitledReader(**{**values, "address": tuple(values["address"])})
