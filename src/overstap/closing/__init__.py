"""Closing of a round: report, signed checkpoints, and export of the audit chain.

`report` makes the report of a round in counts; `checkpoint` signs the audit chain; `export` writes and verifies it.
"""
