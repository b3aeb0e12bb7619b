"""Rehearsal of a school year: the steps of `rounds` on a temporary ledger, under a simulated clock.

`families` makes the participants, `play` runs one round from opening to close, `year` all rounds in chronological
order. `server` provides the database of the ledger.
"""
