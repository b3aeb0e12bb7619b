"""The typed model of an agreement, a file for each subject."""

from overstap.agreements.model.agreement import Agreement
from overstap.agreements.model.holidays import HolidayRegion
from overstap.agreements.model.inspection import Inspection
from overstap.agreements.model.invitations import Invitations
from overstap.agreements.model.milestones import Milestones, Reminder
from overstap.agreements.model.moments import wall_time_comes_twice, wall_time_exists
from overstap.agreements.model.occasions import Occasion
from overstap.agreements.model.part import Part
from overstap.agreements.model.people import Coordinator
from overstap.agreements.model.registrations import Registrations, Stage
from overstap.agreements.model.rounds import Round, RoundKind
from overstap.agreements.model.schools import School, SchoolId, SchoolKind
from overstap.agreements.model.ways import DropFolder, LasDatabase, Push

__all__ = [
    "Agreement",
    "Coordinator",
    "DropFolder",
    "HolidayRegion",
    "Inspection",
    "Invitations",
    "LasDatabase",
    "Milestones",
    "Occasion",
    "Part",
    "Push",
    "Registrations",
    "Reminder",
    "Round",
    "RoundKind",
    "School",
    "SchoolId",
    "SchoolKind",
    "Stage",
    "wall_time_comes_twice",
    "wall_time_exists",
]
