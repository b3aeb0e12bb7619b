"""The board's pages, one module each: facts from the ledger in, HTML out."""
