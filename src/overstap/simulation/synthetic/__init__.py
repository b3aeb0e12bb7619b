"""Synthetic regions from one seed: schools, pupils, dossiers, applications and decisions, for trials and tests.

No pupil in them exists; docs/sources.md explains the identity numbers.
"""

from overstap.simulation.synthetic.region import SyntheticRegion, make_region

__all__ = ["SyntheticRegion", "make_region"]
