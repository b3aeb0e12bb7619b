"""Papers of privacy: the register of processing activities, and the access export of one pupil."""
