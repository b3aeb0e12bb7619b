"""Web pages: for parents, for schools, the board for coordinators, and the parts that they share."""
