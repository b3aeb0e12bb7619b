"""Pydantic model of an agreement, with a module for each subject."""

from overstap.agreements.model.agreement import Agreement
from overstap.agreements.model.comparisons import Comparison
from overstap.agreements.model.holidays import HolidayRegion
from overstap.agreements.model.inspection import Inspection
from overstap.agreements.model.invitations import Invitations
from overstap.agreements.model.milestones import Milestones, Reminder
from overstap.agreements.model.moments import wall_time_exists, wall_time_is_ambiguous
from overstap.agreements.model.notices import Notices
from overstap.agreements.model.occasions import Occasion
from overstap.agreements.model.own_codes import OwnCode
from overstap.agreements.model.part import AgreementPart
from overstap.agreements.model.people import Coordinator
from overstap.agreements.model.registrations import Registrations, RegistrationStage
from overstap.agreements.model.retention import Retention
from overstap.agreements.model.round_id import RoundId
from overstap.agreements.model.rounds import Round, RoundKind
from overstap.agreements.model.schools import School, SchoolId, SchoolKind
from overstap.agreements.model.test_suppliers import SchoolMandate, SupplierOfTests

__all__ = [
    "Agreement",
    "AgreementPart",
    "Comparison",
    "Coordinator",
    "HolidayRegion",
    "Inspection",
    "Invitations",
    "Milestones",
    "Notices",
    "Occasion",
    "OwnCode",
    "RegistrationStage",
    "Registrations",
    "Reminder",
    "Retention",
    "Round",
    "RoundId",
    "RoundKind",
    "School",
    "SchoolId",
    "SchoolKind",
    "SchoolMandate",
    "SupplierOfTests",
    "wall_time_exists",
    "wall_time_is_ambiguous",
]
