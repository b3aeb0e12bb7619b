"""Service that holds the regions' keys for processes that face the public and have none themselves."""
