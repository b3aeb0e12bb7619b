"""Rules for the fields that one person may not see: other carers' details, secret addresses.

Two parents who live apart may each see everything about their child, but not where the other lives. The receiving
school gets the whole dossier.
"""

from overstap.oso.model import Dossier
from overstap.oso.tree import Node

PUPIL = "dossier/huidigeschool/leerling"
_OF_ANOTHER = frozenset({"voornaam", "voorletters-1", "voorvoegsel", "achternaam", "roepnaam", "relatietotkind"})
"""Fields of another carer that are shown: name and relation."""
_REVEALING = ("adreslijst", "communicatielijst", "adresbuitenland", "huisarts", "aansprakelijkeinstelling")
"""Fields of the pupil that reveal another carer's secret address: the child's address and doctor."""
_TRUE = ("true", "1")


class HiddenFields:
    """Decides for each path of a dossier whether it is hidden from one person.

    Args:
        dossier: the dossier.
        own_path: path of the person's own block, a carer's or the pupil's.
    """

    def __init__(self, dossier: Dossier, own_path: str) -> None:
        carers = dossier.pupil.blocks("verzorger") if dossier.pupil is not None else []
        paths = [f"{PUPIL}/verzorger[{number}]" for number in range(1, len(carers) + 1)]
        self._others = {path: carer for path, carer in zip(paths, carers, strict=True) if path != own_path}
        is_pupil = own_path == PUPIL
        own = dict(zip(paths, carers, strict=True)).get(own_path)
        self.by_secrecy = not is_pupil and any(
            _is_secret(carer) and not _same_home(own, dossier.pupil) for carer in self._others.values()
        )
        """Whether another carer's address is secret, and this person does not live with the child."""
        self._is_pupil = is_pupil

    def __call__(self, path: str) -> bool:
        """Tell whether a path is hidden."""
        for other in self._others:
            if path.startswith(f"{other}/"):
                return path.removeprefix(f"{other}/").partition("/")[0].partition("[")[0] not in _OF_ANOTHER
        return self.by_secrecy and _reveals_address(path)

    def hides_change(self, path: str, earlier: Dossier, *, is_removed: bool) -> bool:
        """Tell whether a change is hidden. Carers are matched by similarity, so a removed value may be any carer's.

        Args:
            path: path of the change; in the earlier version when it was removed.
            earlier: the earlier version.
            is_removed: whether the value was removed.
        """
        if is_removed and is_of_carer(path):
            return True
        if not self._is_pupil and _reveals_address(path) and earlier.pupil is not None:
            return self(path) or any(_is_secret(carer) for carer in earlier.pupil.blocks("verzorger"))
        return self(path)


def is_of_carer(path: str) -> bool:
    """Tell whether a path is within a carer's block."""
    return path.startswith(f"{PUPIL}/verzorger[")


def _reveals_address(path: str) -> bool:
    return (
        path.startswith(f"{PUPIL}/")
        and path.removeprefix(f"{PUPIL}/").partition("/")[0].partition("[")[0] in _REVEALING
    )


def _is_secret(carer: Node) -> bool:
    if (carer.text("adresgeheim") or "").strip() in _TRUE:
        return True
    contacts = carer.block("communicatielijst")
    return contacts is not None and any(
        (each.text("geheim") or "").strip() in _TRUE for each in contacts.blocks("communicatie")
    )


def _same_home(own: Node | None, pupil: Node | None) -> bool:
    """Tell whether a carer lives at the child's address, in which case it need not be hidden."""
    if own is None or pupil is None or not (mine := _homes(own)):
        return False
    return bool(mine & _homes(pupil))


def _homes(who: Node) -> set[tuple[str, str, str]]:
    listed = who.block("adreslijst")
    if listed is None:
        return set()
    return {
        (
            (each.text("postcode") or "").replace(" ", "").upper(),
            each.text("nummer") or "",
            each.text("toevoeging") or "",
        )
        for each in listed.blocks("adres")
    }
