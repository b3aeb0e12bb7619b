"""Dossiers that a school types in: the form, what people write in it, and the dossier that is made of it.

It knows no page and no ledger: forms come from the catalogue of the data set, answers are texts by path.
"""
