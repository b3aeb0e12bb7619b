"""Intake of dossiers and registrations.

The modules of `sources` read one kind of source each, `applications` reads registrations; they do not use the ledger.
`collect` stores dossiers in the ledger, minimised to the agreed categories; `registrations` stores registrations.
"""
