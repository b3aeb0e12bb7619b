"""A parent's way through the pages, by real HTTP, with the mistakes that people make."""

from families import Place
from served import Parent, Served, title


def test_a_family_signs_in_reads_and_decides(place: Place, served: Served) -> None:
    families = place.families()
    place.give_codes(families)
    family = families[0]
    parent = Parent(served.address)
    page = parent.enter(family)
    assert page.status_code == 200, (page.text, served.log.read_text())
    assert page.url.path == "/nl/overzicht"
    assert family.surname in page.text
    assert family.surname in parent.get("dossier").text
    done = parent.decide("oneens", "Wij zien het <b>anders</b>.")
    assert title(done) == "Uw antwoord is ontvangen"
    assert "Wij zien het &lt;b&gt;anders&lt;/b&gt;." in done.text
    assert parent.get("dossier.pdf").content.startswith(b"%PDF")
    assert parent.get("ontvangstbewijs.pdf").content.startswith(b"%PDF")
    asked = parent.ask("Klopt het adres?")
    assert "Uw bericht is verstuurd" in asked.text
    assert "U bent uitgelogd" in parent.send("overzicht", "uitloggen").text
    print(served.log.read_text())
