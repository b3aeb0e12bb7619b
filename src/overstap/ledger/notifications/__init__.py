"""What is to be told by mail, and the outbox."""
