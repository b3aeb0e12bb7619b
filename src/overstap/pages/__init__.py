"""Pages: for parents, for schools, the board for coordinators, and what they share."""
