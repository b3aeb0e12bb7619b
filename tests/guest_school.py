"""A primary school from outside the region as a round meets it: invited, let in, typing and collected, for tests."""

import re
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx
from families import REGION
from school_service import PASSWORD, School, attempt
from typed_pupil import NUMBER, plain_pupil

from overstap.agreements import RoundId, RoundKind
from overstap.clock import dutch_time, now
from overstap.ledger import Ledger, guests
from overstap.ledger.guests import GuestAsked
from overstap.ledger.notifications import outbox
from overstap.ledger.rounds import rounds
from overstap.notifications.updating import update_notices
from overstap.oso.writing import to_bytes
from overstap.rounds.agreed import round_context
from overstap.rounds.context import Context, RoundContext
from overstap.settings import Settings
from overstap.simulation.synthetic.region import make_region
from overstap.simulation.synthetic.writing import dossiers

GUEST, NAME, EMAIL = "98ZZ00", "De Verre <b>Kim</b> {{ 7*7 }}", "directie@verre.example"
ASKED = GuestAsked(EMAIL, ("Sam Zonneveld, 3 mei 2014", "Noor {{ 7*7 }} <i>Berg</i>, 1-2-2014"))


def coordinator(school: School) -> str:
    return school.review_round.agreement.coordinators[0].account


def invited(school: School, round_id: str | None = None) -> str:
    """Invite the guest and mail it; return the address in the mail, without the host."""
    place = school.review_round
    with place.unit(coordinator(school)) as unit:
        done = guests.invite(unit, place.ledger.keys(REGION), round_id or place.round_id, uuid4(), GUEST, NAME, ASKED)
    assert done == "invited"
    return mailed(school)


def mailed(school: School) -> str:
    told = update_notices(
        *(school.review_round.ledger, REGION),
        at=now(),
        expiring=(),
        board=str,
        actor="tell",
        school_page=school.address,
    )
    assert told["invitations"] == 1
    with school.review_round.unit("test") as unit:
        [(waiting,)] = unit.rows("select mail from overstap.mail where kind = 'guest_invitation' and state = 'waiting'")
        mail = outbox.claim(unit, waiting)
    assert mail.to == EMAIL
    assert not re.search("Zonneveld|Noor|Berg", mail.text + mail.subject), "a mail names no pupil"
    found = re.search(rf"{re.escape(school.address)}(/uitnodiging/\S+)", mail.text)
    assert found is not None, mail.text
    return found[1]


def browser(school: School) -> httpx.Client:
    return httpx.Client(base_url=school.address, follow_redirects=False, timeout=120)


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, page[-2000:]
    return found[1]


def accepted(client: httpx.Client, address: str, **more: str) -> httpx.Response:
    page = client.get(address)
    assert page.status_code == 200, page.text
    data = {"naam": "J. de Gast", "wachtwoord": PASSWORD, "nogmaals": PASSWORD} | {
        "formulier": hidden(page.text, "formulier")
    }
    return client.post(address, data=data | more)


def let_in(school: School, address: str) -> tuple[str, httpx.Client]:
    """Make the account and sign in; return its login and the browser."""
    client = browser(school)
    made = accepted(client, address)
    assert made.status_code == 200, made.text
    login = re.search(r"<strong>(gast-[a-z0-9-]+)</strong>", made.text)
    assert login is not None, made.text
    assert attempt(school, login[1], PASSWORD, client).headers["location"] == "/rondes"
    return login[1], client


def typed_in(client: httpx.Client, listed: str) -> str:
    """Type a pupil in, and hand it in; return the address of the draft."""
    key = hidden(client.get(listed).text, "formulier")
    draft = client.post(listed, data={"formulier": key}).headers["location"].rpartition("/stap/")[0]
    steps = plain_pupil(NUMBER, "Zonneveld")
    school_step = client.get(f"{draft}/stap/school").text
    assert "De Verre" in school_step
    for step, answers in steps.items():
        page = client.get(f"{draft}/stap/{step}").text
        data = {"formulier": hidden(page, "formulier"), "versie": hidden(page, "versie"), "doe": "verder"}
        assert client.post(f"{draft}/stap/{step}", data=data | dict(answers)).status_code == 303
    page = client.get(draft).text
    data = {"formulier": hidden(page, "formulier"), "versie": hidden(page, "versie")}
    answer = client.post(f"{draft}/aanleveren", data=data)
    assert answer.status_code == 200, answer.text
    return draft


def context_of(school: School, tmp_path: Path) -> RoundContext:
    place = school.review_round
    settings = Settings(drop=str(tmp_path / "drop"), virus_scanner=None, regions=tmp_path / "regions")
    return round_context(Context(settings, place.ledger), RoundId(place.round_id), "collect")


def another_round(school: School) -> str:
    """Open another round of the region."""
    place = school.review_round
    kind = next(one for one in (RoundKind.PLACEMENT, RoundKind.PRE_REGISTRATION) if one is not place.kind)
    agreed = place.agreement.round(place.kind)
    agreement = place.agreement.model_copy(update={"rounds": {**place.agreement.rounds, kind: agreed}})
    with place.unit("open") as unit:
        rounds.open_round(unit, agreement, kind)
    return str(agreement.round_id(kind))


def pages_ledger(school: School) -> Ledger:
    return Ledger(school.dsn, school.home.keys)


def exported(school: str = GUEST, count: int = 3) -> list[bytes]:
    """What the system of a school elsewhere exports of some pupils."""
    region = make_region(77, 4_000, 60, 3, today=dutch_time(now()).date(), name="elders", title="Elders")
    one = replace(region.primary[-1], id=school)
    found = [to_bytes(dossier) for _, dossier in dossiers(region, one)]
    return found[:count]
