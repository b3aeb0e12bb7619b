"""What has no real pupils: synthetic regions, and the rehearsal of a school year."""
