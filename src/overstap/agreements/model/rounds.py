"""Model of a round: its kind and its agreed properties."""

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
    """Kind of a round; the three from primary to secondary school come first, in chronological order."""

    PRE_REGISTRATION = "pre_registration"
    ADVICE = "advice"
    PLACEMENT = "placement"
    SUPPORT = "support"
    """Primary schools to the region's partnership (samenwerkingsverband), for support in education."""
    FEEDBACK = "feedback"
    """Secondary schools back to where their pupils came from."""

    @property
    def dutch(self) -> str:
        """The Dutch name of the round."""
        return {
            "pre_registration": "Vooraanmelding",
            "advice": "Advies",
            "placement": "Plaatsing",
            "support": "Ondersteuning",
            "feedback": "Terugkoppeling",
        }[self.value]

    @property
    def supplied_by(self) -> SchoolKind:
        """The kind of the supplying schools."""
        return SchoolKind.VO if self is RoundKind.FEEDBACK else SchoolKind.PO

    @property
    def received_by(self) -> SchoolKind:
        """The kind of the receiving schools."""
        return {RoundKind.SUPPORT: SchoolKind.SWV, RoundKind.FEEDBACK: SchoolKind.PO}.get(self, SchoolKind.VO)

    @property
    def is_inspected(self) -> bool:
        """Whether parents inspect a dossier before its delivery.

        False for a partnership, to which a school sends dossiers within its own task, without inspection, consent or
        the number of the pupil (DOMAIN 2.2; rule PaO.LL12).
        """
        return self is not RoundKind.SUPPORT

    @property
    def is_of_leavers(self) -> bool:
        """Whether its dossiers are those of the pupils who leave a primary school, whom its roster states."""
        return self.supplied_by is SchoolKind.PO and self.received_by is SchoolKind.VO

    @property
    def milestones(self) -> tuple[str, ...]:
        """The names of the milestones of the round, in chronological order."""
        return tuple(name for name in Milestones.model_fields if self.is_inspected or name not in _REVIEW)

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """The allowed transfer profiles; the first is the default.

        The standard has no profile for VO to PO (DOMAIN, open questions), for which the fields of VOVO are used.
        """
        others: dict[RoundKind, tuple[Profile, ...]] = {RoundKind.SUPPORT: ("POSWV",), RoundKind.FEEDBACK: ("VOVO",)}
        return others.get(self, ("POVO",))


def with_review_moments(kind: RoundKind, stated: dict[str, Any]) -> dict[str, Any]:
    """Add the milestones of the review to those of a round without inspection, both equal to `data_due`.

    Args:
        kind: kind of the round.
        stated: the stated milestones, by name.
    """
    if kind.is_inspected or "data_due" not in stated:
        return stated
    return {**stated, **dict.fromkeys(_REVIEW, stated["data_due"])}


Shiftable = Literal["data_due", "review_opens", "review_closes", "delivers", "receipts_due"]
"""The milestones that can be moved while a round runs: all but the opening."""


class Round(AgreementPart):
    """Agreed properties of one round."""

    profile: Profile = "POVO"
    """OSO transfer profile (code list 16)."""
    receivers: RegistrationStage
    """First stage at which a school may receive the dossier of a pupil; a partnership receives those of all schools."""
    categories: frozenset[str] = frozenset()
    """Optional OSO categories to send, without `cat_`; mandatory categories are always sent."""
    provisional: bool = False
    """The dossier is sent as provisional (inzage/voorlopigdossier)."""
    milestones: Milestones
    review_minimum: timedelta = timedelta(days=5)
    """Minimum time for parents from the release of a dossier, also when a school was late."""
    review_school_days: Annotated[int, Field(ge=1, le=60)] = 5
    """Minimum number of school days in the review; checked by `overstap agreement check`."""
    not_inspected: Literal["withhold", "extend", "attest"] = "withhold"
    """Treatment of a dossier that nobody inspected in time. `withhold`: it is not sent (DOMAIN 3.5); `extend`: the
    coordinator may extend the review for families of some schools; `attest`: in addition a school may attest an
    inspection, with a reason."""
    consent: Literal["not_asked", "asked", "required"] = "not_asked"
    """Whether parents are asked for consent to the transfer (rule OVa.IZ05, DOMAIN 3.5); `required`: a dossier without
    consent is not sent."""
    older_advice: Literal["warn", "ask"] = "warn"
    """What becomes of a dossier whose advice is no longer the newest that is known of the pupil. `warn`: the board and
    the report tell it; `ask`: the coordinator is asked before delivery too."""
    invitations: Invitations = Invitations()
    inspection: Inspection = Inspection()
    """Rules for a dossier that changes after inspection."""
    may_shift: dict[Shiftable, Annotated[int, Field(ge=0, le=30)]] = Field(default={})
    """Maximum number of days by which a coordinator may move each milestone of a running round with the form."""
    gate_answered_by: tuple[str, ...] = ()
    """Accounts that answer the gates; empty means all coordinators of the region."""
    reminders: tuple[Reminder, ...] = ()
    """Reminders of deadlines: alarms in the calendar files of schools and region; of `review_closes` also e-mails to
    families who have not answered, where they are invited by e-mail."""
    addenda: tuple[str, ...] = ()
    """Names of documents that schools exchange beside the dossier; shown in the overview, not collected."""
    sources: dict[str, str] = Field(default={})
    """Source of the date of each milestone, or "assumed"."""

    @field_serializer("categories")
    def _sorted(self, categories: frozenset[str]) -> list[str]:
        # The order of a set differs between processes, and the digest is computed over the serialised text
        return sorted(categories)
