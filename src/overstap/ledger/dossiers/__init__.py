"""Dossiers in the ledger: versions, judgements, releases, what is outstanding."""
