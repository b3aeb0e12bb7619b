"""Parents see it first: what they decided, as their school records it.

`decisions` reads a school's list; `recording` brings it into the ledger while the window is open.
"""
