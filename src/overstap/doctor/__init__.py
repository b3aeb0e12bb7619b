"""Looks whether a deployment is in order: settings, rights, keys, certificates, clock, disk, mail, databases, DAGs.

Each check sees what the process that runs it sees; what it cannot see it says. Nothing is changed.
"""

from overstap.doctor.examination import examine
from overstap.doctor.finding import Finding, Level

__all__ = ["Finding", "Level", "examine"]
