"""Desk of a region: hands out envelopes to schools that ask for a dossier (docs/pull.md).

desk      answers to requests, receipts and results
identity  comparison of a request with the dossier
server    HTTPS server with mutual TLS
"""
