"""Notices and the outbox of mails."""
