"""Pages of the board, one module per page."""
