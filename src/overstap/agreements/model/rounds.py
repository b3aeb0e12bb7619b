"""A round of exchange: which it is, and what was agreed about it."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, field_serializer

from overstap.agreements.model.inspection import Inspection
from overstap.agreements.model.invitations import Invitations
from overstap.agreements.model.milestones import Milestones, Reminder
from overstap.agreements.model.part import AgreementPart
from overstap.agreements.model.registrations import RegistrationStage
from overstap.agreements.model.schools import SchoolKind

_REVIEW = frozenset({"review_opens", "review_closes"})

Profile = Literal["POVO", "POPO", "VOVO", "POSWV", "VOSWV"]
"""OSO transfer profiles (code list 16 and the profile sheets; DOMAIN 2.4)."""


class RoundKind(StrEnum):
    """The exchanges of a school year: three from primary to secondary school in their order, then the others."""

    PRE_REGISTRATION = "pre_registration"
    ADVICE = "advice"
    PLACEMENT = "placement"
    SUPPORT = "support"
    """Primary schools to the region's partnership (samenwerkingsverband), for support in education."""
    FEEDBACK = "feedback"
    """Secondary schools back to where their pupils came from."""

    @property
    def dutch(self) -> str:
        """The round's name as a coordinator says it."""
        return {
            "pre_registration": "Vooraanmelding",
            "advice": "Advies",
            "placement": "Plaatsing",
            "support": "Ondersteuning",
            "feedback": "Terugkoppeling",
        }[self.value]

    @property
    def supplied_by(self) -> SchoolKind:
        """Which schools hand over."""
        return SchoolKind.VO if self is RoundKind.FEEDBACK else SchoolKind.PO

    @property
    def received_by(self) -> SchoolKind:
        """Who receives."""
        return {RoundKind.SUPPORT: SchoolKind.SWV, RoundKind.FEEDBACK: SchoolKind.PO}.get(self, SchoolKind.VO)

    @property
    def is_inspected(self) -> bool:
        """Whether parents inspect a dossier before it leaves.

        Not towards a partnership: it goes there within the school's own task, without inspection, consent or the
        pupil's number (DOMAIN 2.2; rule PaO.LL12).
        """
        return self is not RoundKind.SUPPORT

    @property
    def milestones(self) -> tuple[str, ...]:
        """The moments that such a round has, in their order."""
        return tuple(name for name in Milestones.model_fields if self.is_inspected or name not in _REVIEW)

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """The profiles that such a round may have; the first is meant when an agreement names none.

        For VO back to PO the standard has published no profile (DOMAIN, open questions): the fields of VOVO are used.
        """
        others: dict[RoundKind, tuple[Profile, ...]] = {RoundKind.SUPPORT: ("POSWV",), RoundKind.FEEDBACK: ("VOVO",)}
        return others.get(self, ("POVO",))


def moments_of(kind: RoundKind, stated: dict[str, Any]) -> dict[str, Any]:
    """Return a round's milestones; of one without inspection the review takes no time, at the moment data are due.

    Args:
        kind: the round.
        stated: its milestones by name, as far as they are stated.
    """
    if kind.is_inspected or "data_due" not in stated:
        return stated
    return {**stated, **dict.fromkeys(_REVIEW, stated["data_due"])}


Shiftable = Literal["data_due", "review_opens", "review_closes", "delivers", "receipts_due"]
"""The milestones that can be moved while a round runs; it runs because it opened, so not the opening."""


class Round(AgreementPart):
    """What was agreed about one round."""

    profile: Profile = "POVO"
    """OSO transfer profile (code list 16)."""
    receivers: RegistrationStage
    """From which stage on a school may receive the dossier of a pupil; a partnership receives of all its schools."""
    categories: frozenset[str] = frozenset()
    """Optional OSO categories that go along, without `cat_`; the obligatory ones always go."""
    provisional: bool = False
    """The dossier is sent as provisional (inzage/voorlopigdossier)."""
    milestones: Milestones
    review_minimum: timedelta = timedelta(days=5)
    """The time that parents get at least from the release of their dossier, also when a school was late."""
    review_school_days: Annotated[int, Field(ge=1, le=60)] = 5
    """School days of the region that the review window must hold at least; `overstap agreement check` counts them."""
    not_inspected: Literal["withhold", "extend", "attest"] = "withhold"
    """What becomes of a dossier that nobody inspected in time: it is not sent (DOMAIN 3.5). `extend`: the coordinator
    may give the families of some schools longer; `attest`: beside that a school may attest an inspection, with why."""
    consent: Literal["not_asked", "asked", "required"] = "not_asked"
    """Whether consent to the transfer is asked (rule OVa.IZ05, DOMAIN 3.5); `required`: nothing goes without."""
    invitations: Invitations = Invitations()
    inspection: Inspection = Inspection()
    """What was agreed about a dossier that changes after parents saw it."""
    may_shift: dict[Shiftable, Annotated[int, Field(ge=0, le=30)]] = Field(default={})
    """How many days a coordinator may move a milestone of a running round, earlier or later, with the form."""
    gate_answered_by: tuple[str, ...] = ()
    """Accounts that answer the gates; empty: every coordinator of the region."""
    reminders: tuple[Reminder, ...] = ()
    """Reminders of deadlines: alarms in the calendar files of schools and region; of `review_closes` also e-mails to
    families who have not answered, where they are invited by e-mail."""
    addenda: tuple[str, ...] = ()
    """Documents that the region agreed on beside the dossier, by name; shown in the overview, not collected."""
    sources: dict[str, str] = Field(default={})
    """Where each milestone's date comes from, by milestone, or "assumed"."""

    @field_serializer("categories")
    def _sorted(self, categories: frozenset[str]) -> list[str]:
        # A set's order differs from process to process, and the digest is taken over what is written
        return sorted(categories)
