"""Shared parts of all web pages: templates (`frame`), request checks (`guard`), connection limits (`bounds`)."""
