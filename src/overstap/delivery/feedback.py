"""File for a primary school with the results of its own pupils."""

import csv
import io

from overstap.clock import format_digits
from overstap.envelope.result import ResultKind
from overstap.ledger import Ledger, downloads
from overstap.ledger.delivery.results import of_dossiers
from overstap.ledger.dossiers import records
from overstap.oso.facts import DossierFacts
from overstap.tabular.writing import safe_text
from overstap.texts import texts

HEADER = ("leerlingid", "vo_school", "naam_school", "ingelezen", "reden", "plaatsing", "vermeld_op")
"""The columns. A pupil is identified by the school's own key, never by name or number."""


def feedback_csv(ledger: Ledger, region: str, round_id: str, primary_school: str) -> bytes:
    """Return a CSV with a line per confirmed dossier of one primary school. It is personal data.

    Args:
        ledger: the ledger.
        region: region id.
        round_id: the round.
        primary_school: BRIN and branch.

    Returns:
        UTF-8 with a byte order mark and semicolons, as spreadsheets in the Netherlands open it.
    """
    said = {name: text["nl"] for name, text in texts("delivery/answers").items()}
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(HEADER)
    with ledger.unit(region, f"results {primary_school}") as unit:
        answers = of_dossiers(unit, round_id, primary_school)
        facts = records.of(unit, [fed.ref for fed in answers], DossierFacts)
        signs = downloads.signs_of(fed.ref.dossier for fed in answers)
        downloads.note(unit, "results", round_id, signs, to=primary_school)
        for fed in answers:
            key = facts[fed.ref].las_key if fed.ref in facts else ""
            outcome, reason, _ = fed.outcomes.get(ResultKind.IMPORT, ("", None, None))
            placement, _, _ = fed.outcomes.get(ResultKind.PLACEMENT, ("", None, None))
            moments = [stated[2] for stated in fed.outcomes.values()]
            writer.writerow(
                [
                    safe_text(key),
                    fed.secondary_school,
                    safe_text(fed.name),
                    said.get(outcome, ""),
                    said.get(reason or "", ""),
                    said.get(placement, ""),
                    format_digits(max(moments)) if moments else "",
                ]
            )
    return out.getvalue().encode("utf-8-sig")
