"""A receiving school's end: endpoint, stores, opener, and the client of a region's desk."""
