import io
import random
from datetime import date

from generated_dossiers import generate
from official_files import official_folder
from rich.console import Console

from overstap.oso.writing import to_bytes
from overstap_tools.bench.dossier import OURS, SHUT, STRUCTURE, XSD, run


def test_the_benchmark_measures_what_is_at_hand():
    """No rate is asserted: that it runs, and says what it measured, is."""
    out = io.StringIO()
    files = {"made up.xml": to_bytes(generate(random.Random(1)))}
    console = Console(file=out, width=160)
    rates = run(console, today=date(2026, 3, 1), official=official_folder(), files=files, count=3, two=False, many=20)
    expected = [OURS, SHUT, STRUCTURE]
    if official_folder():
        expected.append(XSD)
    assert [each.program for each in rates if "XSLT" not in each.program] == expected
    assert all(each.one_core > 0 for each in rates)
    assert "       20 │" in out.getvalue()


def test_what_is_not_at_hand_is_said(tmp_path):
    out = io.StringIO()
    files = {"made up.xml": to_bytes(generate(random.Random(1)))}
    (tmp_path / "2019.1").mkdir()
    console = Console(file=out, width=400)
    rates = run(console, today=date(2026, 3, 1), official=tmp_path, files=files, count=1, two=False)
    assert len(rates) == 3
    for lacking in ("2019.1/OSO_gegevensset.xsd", "2019.1/OV/ValideerOverstapprofielen.xsl", "2019.1/PaO/"):
        assert f"not compared with {lacking}" in out.getvalue()


def test_without_dossiers_it_says_so():
    out = io.StringIO()
    assert run(Console(file=out), today=date(2026, 3, 1), official=None) == []
    assert "OVERSTAP_OFFICIAL" in out.getvalue()
