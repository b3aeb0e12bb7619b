"""Receiving school: HTTPS endpoint, message stores, opening of envelopes, and client of a region's desk."""
