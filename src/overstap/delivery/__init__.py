"""Sending of sealed dossiers and verification of signed confirmations.

    seal -> push -> (receiving end: open, store, receipt) -> verify_receipt

`envelope` seals and opens, `receipt` makes and verifies receipts, `push` brings an envelope to a school's endpoint,
`reception` is what such an endpoint does and `receiving` its web server. The format is docs/envelope.md. This stage
imports no other stage, and no database: what is sealed and what was answered is the ledger's to keep.
"""
