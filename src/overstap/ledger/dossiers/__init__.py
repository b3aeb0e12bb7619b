"""Dossiers in the ledger: versions, findings, releases, open matters."""
