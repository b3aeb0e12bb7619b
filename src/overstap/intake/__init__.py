"""Intake of dossiers and registrations.

`drop_folder`, `las_database` and `applications` each read one kind of source and know no ledger; `collect` takes what a
source gives into the ledger, cut to what was agreed.
"""
