"""Synthetic regions: schools, pupils, dossiers, applications and answers from one seed, for demo, tests and benchmarks.

No pupil in them exists; docs/sources.md tells where the numbers come from.
"""

from overstap.simulation.synthetic.region import SyntheticRegion, make_region

__all__ = ["SyntheticRegion", "make_region"]
