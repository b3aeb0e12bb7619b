"""The typed model of an agreement, a file for each subject."""

from overstap.agreements.model.agreement import Agreement
from overstap.agreements.model.holidays import HolidayRegion
from overstap.agreements.model.inspection import Inspection
from overstap.agreements.model.invitations import Invitations
from overstap.agreements.model.milestones import Milestones, Reminder
from overstap.agreements.model.moments import wall_time_comes_twice, wall_time_exists
from overstap.agreements.model.notices import Notices
from overstap.agreements.model.occasions import Occasion
from overstap.agreements.model.part import Part
from overstap.agreements.model.people import Coordinator
from overstap.agreements.model.receiving import Folder, Pull, Push, Sftp, TrafficCentre
from overstap.agreements.model.registrations import Registrations, Stage
from overstap.agreements.model.retention import Retention
from overstap.agreements.model.rounds import Round, RoundKind
from overstap.agreements.model.schools import School, SchoolId, SchoolKind
from overstap.agreements.model.supplying import DropFolder, LasDatabase

__all__ = [
    "Agreement",
    "Coordinator",
    "DropFolder",
    "Folder",
    "HolidayRegion",
    "Inspection",
    "Invitations",
    "LasDatabase",
    "Milestones",
    "Notices",
    "Occasion",
    "Part",
    "Pull",
    "Push",
    "Registrations",
    "Reminder",
    "Retention",
    "Round",
    "RoundKind",
    "School",
    "SchoolId",
    "SchoolKind",
    "Sftp",
    "Stage",
    "TrafficCentre",
    "wall_time_comes_twice",
    "wall_time_exists",
]
