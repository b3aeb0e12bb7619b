"""Synthetic regions (`overstap synth`), and the rehearsal of a region's school year (`overstap agreement rehearse`)."""
