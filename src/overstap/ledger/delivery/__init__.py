"""Deliveries in the ledger: envelopes, requests, receipts, results, withdrawals, test messages."""
