"""Rounds in the ledger: schools, agreed moments, holds, progress, failures."""
