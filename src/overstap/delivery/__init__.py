"""Sealing and sending of dossiers, and verification of signed receipts.

`sealing` makes envelopes, `sending` brings them to schools by a channel of `channels`, `receipt_collection` reads the
answers that schools leave, `receipt_verification` verifies receipts, results and answers to revocations, and `desk`
hands envelopes out to schools that ask. The ledger keeps envelopes and outcomes. The format is docs/envelope.md.
"""
