"""Deliveries in the ledger: what is sealed for whom, requests, receipts, results, withdrawals."""
