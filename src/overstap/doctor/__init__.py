"""Checks of a deployment (`overstap doctor`): settings, permissions, keys, certificates, clock, disk, mail, databases.

A check covers what its own process can see, and reports what it cannot. Nothing is changed.
"""

from overstap.doctor.examination import examine
from overstap.doctor.finding import Finding, Level

__all__ = ["Finding", "Level", "examine"]
