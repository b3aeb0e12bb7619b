"""Inspection by parents: access codes, copies, letters, recorded decisions, proof.

`decisions` reads a school's list of decisions; `recording` records it in the ledger while the window is open.
"""
