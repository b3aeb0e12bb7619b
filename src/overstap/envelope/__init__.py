"""Message format: sealing and opening of envelopes, and signed statements about them (docs/envelope.md)."""
