"""Initials of a pupil, as other systems want them: letters alone."""


def initials_of(stated: str, first_names: str) -> str:
    """Return initials without dots or spaces: as stated, else of all first names in their order; empty without either.

    Args:
        stated: initials such as "L.J."; empty when they are not stated.
        first_names: all first names, separated by spaces, such as "Lotte Johanna".
    """
    if found := "".join(letter for letter in stated if letter.isalpha()):
        return found.upper()
    return "".join(name[0] for name in first_names.split() if name[0].isalpha()).upper()
