"""Model of a complete agreement: one region, one school year."""

import hashlib
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from overstap.agreements.model.comparisons import Comparison
from overstap.agreements.model.holidays import HolidayRegion
from overstap.agreements.model.lines import OneLine
from overstap.agreements.model.notices import Notices
from overstap.agreements.model.occasions import Occasion
from overstap.agreements.model.own_codes import OwnCode
from overstap.agreements.model.part import AgreementPart
from overstap.agreements.model.people import Coordinator
from overstap.agreements.model.refusals import refusal
from overstap.agreements.model.registrations import Registrations, RegistrationStage
from overstap.agreements.model.retention import Retention
from overstap.agreements.model.round_id import RoundId
from overstap.agreements.model.rounds import Round, RoundKind, with_review_moments
from overstap.agreements.model.schools import School, SchoolKind
from overstap.agreements.model.test_suppliers import SchoolMandate, SupplierOfTests, check_suppliers
from overstap.agreements.model.viewers import Viewer
from overstap.errors import OverstapError


class FourEyesAct(StrEnum):
    """An act for which an agreement may ask for two persons."""

    RELEASE = "release"
    """Release of dossiers to parents, or to a partnership."""
    TAKE_BACK = "take_back"
    """Withdrawal of dossiers, at schools that have them too."""
    ERASE = "erase"
    """Erasure of a dossier on request (AVG art. 17)."""
    AGREEMENT_CHANGE = "agreement_change"
    """A change of the agreement."""
    KEY_DESTRUCTION = "key_destruction"
    """Destruction of content keys."""


class Agreement(AgreementPart):
    """Agreement of one region for one school year."""

    model_config = ConfigDict(defer_build=True)

    region: Annotated[str, Field(min_length=2, max_length=31, pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")]
    name: OneLine
    school_year: Annotated[str, Field(pattern=r"^20[0-9]{2}-20[0-9]{2}$")]
    example: bool = False
    """Whether it is a fictitious example, for which a production deployment creates no rounds and no accounts."""
    holiday_region: HolidayRegion | None = None
    """Holiday region of the schools."""
    coordinators: Annotated[tuple[Coordinator, ...], Field(min_length=1)]
    viewers: tuple[Viewer, ...] = ()
    """Accounts with read-only access to the rounds of the region."""
    schools: tuple[School, ...]
    registrations: Registrations = Registrations()
    rounds: dict[RoundKind, Round]
    occasions: tuple[Occasion, ...] = ()
    """Other dates of the region, for its calendar."""
    notices: Notices = Notices()
    """Times of mail to coordinators and schools."""
    retention: Retention | None = None
    """Retention periods; without them nothing is erased automatically."""
    second_factor: Annotated[Literal["required", "offered"], Field(exclude_if=lambda chosen: chosen == "offered")] = (
        "offered"
    )
    """Whether accounts of schools need a second factor to sign in; the deployment may require one for all regions."""
    pdf_attachments: Annotated[
        Literal["original", "flattened"], Field(exclude_if=lambda chosen: chosen == "original")
    ] = "original"
    """How families are shown PDF attachments: the file itself, or a picture of each page."""
    four_eyes: Annotated[tuple[FourEyesAct, ...], Field(exclude_if=lambda acts: not acts)] = ()
    """Acts for which a second coordinator has to confirm."""
    own_codes: Annotated[tuple[OwnCode, ...], Field(exclude_if=lambda codes: not codes)] = ()
    """Codes that the region uses besides those of the standard, in this school year."""
    comparisons: Annotated[tuple[Comparison, ...], Field(exclude_if=lambda regions: not regions)] = ()
    """Regions with which applications are compared."""
    test_suppliers: Annotated[tuple[SupplierOfTests, ...], Field(exclude_if=lambda suppliers: not suppliers)] = ()
    """Suppliers of the test, at which the region registers pupils of schools that gave it a mandate."""

    @model_validator(mode="before")
    @classmethod
    def _usual(cls, data: Any) -> Any:
        """Add the defaults of each kind of round."""
        rounds = data.get("rounds") if isinstance(data, dict) else None
        if not isinstance(rounds, dict):
            return data
        filled = {}
        for kind, agreed in rounds.items():
            if isinstance(agreed, Round):
                agreed = agreed.model_dump()
            if isinstance(agreed, dict) and kind in (RoundKind.SUPPORT, RoundKind.FEEDBACK):
                agreed = {"profile": RoundKind(kind).profiles[0], "receivers": RegistrationStage.PLACED, **agreed}
                if isinstance(milestones := agreed.get("milestones"), dict):
                    agreed["milestones"] = with_review_moments(RoundKind(kind), milestones)
            filled[kind] = agreed
        return {**data, "rounds": filled}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        first, second = self.school_year.split("-")
        if int(second) != int(first) + 1:
            raise refusal("school_year", stated=self.school_year)
        seen: set[str] = set()
        for school in self.schools:
            if school.id in seen:
                raise refusal("school_twice", school=school.id)
            seen.add(school.id)
        codes: set[tuple[str, str]] = set()
        for own in self.own_codes:
            if (own.list, own.code) in codes:
                raise refusal("own_code_twice", list=own.list, code=own.code)
            codes.add((own.list, own.code))
        partners = [one.region for one in self.comparisons]
        for partner in partners:
            if partner == self.region or partners.count(partner) > 1:
                raise refusal("compared_twice", region=partner)
        check_suppliers(self.test_suppliers, self.schools)
        accounts = {coordinator.account for coordinator in self.coordinators}
        for kind, agreed in self.rounds.items():
            if agreed.profile not in kind.profiles:
                known = ", ".join(kind.profiles)
                raise refusal("profile_of_round", round=kind.value, profile=agreed.profile, known=known)
            sides = ((kind.supplied_by, self.suppliers(kind)), (kind.received_by, self.receivers(kind)))
            for school_kind, schools in sides:
                if kind in (RoundKind.SUPPORT, RoundKind.FEEDBACK) and not schools:
                    raise refusal("nobody_takes_part", round=kind.value, kind=school_kind.value)
            if kind is RoundKind.SUPPORT and len(self.receivers(kind)) > 1:
                raise refusal("one_partnership", round=kind.value, count=len(self.receivers(kind)))
            if unknown := set(agreed.gate_answered_by) - accounts:
                raise refusal("gate_answered_by", round=kind.value, accounts=", ".join(sorted(unknown)))
        return self

    @property
    def own_code_labels(self) -> dict[tuple[str, str], str]:
        """The meaning of each of the region's own codes, by number of the list and code."""
        return {(own.list, own.code): own.label for own in self.own_codes}

    @property
    def primary_schools(self) -> tuple[School, ...]:
        """The primary schools, in the order of the agreement."""
        return tuple(school for school in self.schools if school.kind is SchoolKind.PO)

    @property
    def secondary_schools(self) -> tuple[School, ...]:
        """The secondary schools, in the order of the agreement."""
        return tuple(school for school in self.schools if school.kind is SchoolKind.VO)

    def comparison(self, region: str) -> Comparison:
        """Return what was agreed about comparing with another region.

        Raises:
            OverstapError: COMPARE-001 when nothing was.
        """
        for agreed in self.comparisons:
            if agreed.region == region:
                return agreed
        raise OverstapError("COMPARE-001", region=self.region, partner=region)

    def test_mandate(self, school: str) -> tuple[SupplierOfTests, SchoolMandate] | None:
        """Return the supplier of the test and the mandate of a school; None without one."""
        for supplier in self.test_suppliers:
            for mandate in supplier.mandates:
                if mandate.school == school:
                    return supplier, mandate
        return None

    def suppliers(self, kind: str) -> tuple[School, ...]:
        """Return the schools that supply dossiers in a kind of round, in the order of the agreement."""
        school_kind = RoundKind(kind).supplied_by
        return tuple(school for school in self.schools if school.kind is school_kind and school.supplies is not None)

    def receivers(self, kind: str) -> tuple[School, ...]:
        """Return the schools that receive dossiers in a kind of round, in the order of the agreement."""
        school_kind = RoundKind(kind).received_by
        return tuple(school for school in self.schools if school.kind is school_kind and school.receives is not None)

    def school(self, school_id: str) -> School:
        """Return a school of the region by its id.

        Raises:
            OverstapError: AGREEMENT-004 when the school does not take part.
        """
        for school in self.schools:
            if school.id == school_id:
                return school
        raise OverstapError("AGREEMENT-004", school=school_id, region=self.region)

    def round(self, kind: str) -> Round:
        """Return the round of a kind.

        Raises:
            OverstapError: AGREEMENT-002 when the agreement has no such round.
        """
        for name, agreed in self.rounds.items():
            if name == kind:
                return agreed
        known = ", ".join(self.rounds)
        raise OverstapError("AGREEMENT-002", region=self.region, school_year=self.school_year, round=kind, rounds=known)

    def gate_accounts(self, kind: str) -> tuple[str, ...]:
        """Return the accounts that answer the gates of a kind of round: those named for it, else all coordinators."""
        return self.round(kind).gate_answered_by or tuple(person.account for person in self.coordinators)

    def round_id(self, kind: str) -> RoundId:
        """Return the id of a round in the ledger and the DAGs: "demo.2026-2027.advice"."""
        return RoundId.of(self.region, self.school_year, kind)

    @property
    def digest(self) -> str:
        """SHA-256 of the content of the agreement, in hexadecimal; identifies the version."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()
