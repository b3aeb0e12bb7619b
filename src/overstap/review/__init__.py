"""Inspection by parents: codes, copies, letters, recorded decisions, proof.

`decisions` reads a school's list; `recording` brings it into the ledger while the window is open.
"""
