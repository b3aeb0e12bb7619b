"""Message format: package, signature, encryption, and signed statements about a message (docs/envelope.md)."""
