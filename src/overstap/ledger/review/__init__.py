"""Parents' inspection in the ledger: codes, invitations, decisions, questions, proof."""
