"""Rosters in the ledger: who leaves a primary school this school year, and what of each pupil is there."""
