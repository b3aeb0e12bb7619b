"""Intake of dossiers and registrations from schools, into the ledger.

Each module of `sources` reads one kind of source and `applications` reads registrations, both without the ledger.
`collect` minimises dossiers to the agreed categories and stores them; `registrations` stores registrations.
"""
