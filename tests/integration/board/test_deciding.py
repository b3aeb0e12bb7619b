"""Tests of decisions on the board's pages: the ledger is told first, then Airflow, and nothing is half decided."""

import html
import os
import re
import signal
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from fastapi import Request
from fastapi.testclient import TestClient
from owned import by_owner

from overstap.clock import NETHERLANDS, now
from overstap.ledger import Ledger
from overstap.ledger.dossiers import outstanding
from overstap.ledger.read_only import ReadOnlyLedger
from overstap.ledger.rounds import gate_holds
from overstap.ledger.rounds.gate_decisions import GateDecision, of_round
from overstap.ledger.rounds.gate_holds import ACCEPT_UNDELIVERABLE, NOT_INSPECTED, RELEASE_FOR_DELIVERY, HoldReason
from overstap.pages.board.airflow_port import AirflowRefusedError, GateQuestion, RunRef, TaskRef
from overstap.pages.board.app import Board, make_app
from overstap.pages.board.person import BoardUser

from .conftest import HOSTILE, VIEWER, Alone, Filled

ROUND = "alfa.2026-2027.advice"
HERE = f"/ronde/{ROUND}"
FIRST = BoardUser("coordinator_alfa", "1", frozenset({"alfa"}), frozenset({"alfa"}), sees_dossiers=True)
SECOND = BoardUser("an", "9", frozenset({"alfa"}), frozenset({"alfa"}))
OF_BETA = BoardUser("coordinator_beta", "8", frozenset({"beta"}), frozenset({"beta"}))
RUN = RunRef("round__alfa__advice", "scheduled__x")
SAME = {"Sec-Fetch-Site": "same-origin"}


class Asking(Alone):
    """An Airflow that asks questions, and takes answers unless it is down."""

    def __init__(self) -> None:
        super().__init__()
        self.asks = FIRST
        self.open: list[GateQuestion] = []
        self.answered: list[tuple[str, str]] = []
        self.cleared: list[tuple[str, str]] = []
        self.is_down = False

    def run(self, dag_id: str) -> RunRef | None:
        return RUN if dag_id == RUN.dag_id else None

    def questions(self, dag_id: str) -> list[GateQuestion]:
        return self.open if dag_id == RUN.dag_id else []

    async def respond(self, request: Request, question: GateQuestion, choice: str) -> None:
        if self.is_down:
            raise AirflowRefusedError("500")
        self.answered.append((question.gate, choice))
        self.open.remove(question)

    def questions_task(self, run: RunRef, gate: str) -> TaskRef | None:
        return TaskRef("questions", -1, gate, "success")

    async def clear(
        self, request: Request, run: RunRef, task: TaskRef, *, note: str, is_rehearsal: bool
    ) -> Sequence[TaskRef]:
        if self.is_down:
            raise AirflowRefusedError("500")
        self.cleared.append((task.title, note))
        return [task]


@pytest.fixture
def airflow() -> Asking:
    return Asking()


@pytest.fixture
def filled() -> Filled:
    """One small region under way."""
    return Filled(("alfa",), 150)


def ask(airflow: Asking, gate: str = "release_for_review", key: str = "asked 1", title: str = "Vrijgeven?") -> str:
    """Let Airflow ask a question; return the path of its page."""
    asked = GateQuestion(
        title, "/dags/x/required_actions", now(), gate, 1, key, TaskRef("release", 0, title, None), RUN
    )
    airflow.open.append(asked)
    return f"{HERE}/besluit/{gate}/1"


def mark(page: httpx.Response) -> str:
    found = re.search(r'name="mark" value="([^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def press(client: TestClient, path: str, choice: str = "approve", **form: object) -> httpx.Response:
    page = client.get(path)
    return client.post(path, data={"mark": mark(page), "choice": choice, **form}, headers=SAME)


def decided(ledger: Ledger) -> list[GateDecision]:
    with ledger.unit("alfa", "test") as unit:
        # The fixture released some before
        return [one for one in of_round(unit, ROUND) if one.account in ("coordinator_alfa", "an")]


def said(page: httpx.Response) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def accepted(ledger: Ledger) -> int:
    with ledger.unit("alfa", "test") as unit:
        return int(unit.one("select count(*) from overstap.dossier where state = 'accepted'")[0])


@pytest.fixture
def none_released(client: TestClient, ledger: Ledger) -> None:
    """As if nothing was released before, so that the question is the round's first."""
    by_owner(
        ledger,
        "update overstap.dossier_version set released_by = null; "
        "delete from overstap.gate_decision where region = 'alfa'; "
        "delete from overstap.audit_line where region = 'alfa'",
    )


def add_second(ledger: Ledger, board: Board) -> None:
    by_owner(
        ledger,
        "update overstap.round_agreement set agreement = jsonb_set(agreement, '{coordinators,1}', "
        '\'{"account": "an", "name": "An de Boer", "email": "an@example.org"}\') where region = \'alfa\'',
    )


@pytest.mark.usefixtures("none_released")
def test_a_release_by_clicks(client: TestClient, airflow: Asking, ledger: Ledger) -> None:
    path = ask(airflow, title="{{ 7 * 7 }} <b>dossiers</b>")
    waiting = accepted(ledger)
    assert waiting > 1
    for page in ("/", HERE):
        text = client.get(page).text
        assert f'href="/rondes{path}"' in text, page
        assert "{{ 7 * 7 }} &lt;b&gt;dossiers&lt;/b&gt;" in text
    shown = said(client.get(path))
    assert f"{waiting} dossiers vrijgeven voor inzage door ouders?" in shown
    for words in (
        "School Klaar Afgekeurd Aangeleverd Verwacht",
        "kunnen ouders deze dossiers meteen inzien",
        HOSTILE.split()[0],
    ):
        assert words in shown, words
    answer = press(client, path, reason="Alles\nis er {{ 7 * 7 }} <script>")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/rondes{HERE}?gedaan=answered")
    assert airflow.answered == [("release_for_review", "approve")]
    [kept] = decided(ledger)
    assert (kept.count, kept.is_approved, kept.reason) == (waiting, True, "Alles is er {{ 7 * 7 }} <script>")
    assert accepted(ledger) == 0
    page = client.get(f"{HERE}?gedaan=answered")
    assert "Uw besluit staat vast" in said(page)
    assert "<script>alert" not in page.text
    assert page.text.count("<script") == 1
    assert client.get(f"{HERE}?gedaan=<script>").text.count("<script") == 1


@pytest.mark.usefixtures("none_released")
def test_not_yet_and_asked_again(client: TestClient, airflow: Asking, ledger: Ledger) -> None:
    press(client, ask(airflow), "reject")
    assert [one.is_approved for one in decided(ledger)] == [False]
    assert airflow.answered == [("release_for_review", "reject")]
    again = f"{HERE}/opnieuw-vragen/release_for_review"
    form = {"mark": mark(client.get(again))}
    assert client.post(again, data=form, headers=SAME).status_code == 422  # without a reason
    answer = client.post(again, data={**form, "note": "School heeft hersteld"}, headers=SAME)
    assert answer.headers["location"] == f"/rondes{HERE}?gedaan=asked"
    assert airflow.cleared == [("release_for_review", "School heeft hersteld")]
    assert client.get(f"{HERE}/opnieuw-vragen/reopen").status_code == 404
    airflow.is_down = True
    assert client.post(again, data={**form, "note": "x"}, headers=SAME).status_code == 502


@pytest.mark.usefixtures("none_released")
def test_when_airflow_is_down_the_decision_stands_and_a_second_press_passes_it_on(
    client: TestClient, airflow: Asking, ledger: Ledger
) -> None:
    path = ask(airflow)
    airflow.is_down = True
    answer = press(client, path, reason="Akkoord")
    assert answer.status_code == 502
    assert "Het besluit staat vast, maar Airflow hoorde het niet" in said(answer)
    assert "Geef door aan Airflow" in said(answer)
    assert len(decided(ledger)) == 1
    page = client.get(path)
    assert "Airflow weet dit nog niet" in said(page)
    assert 'name="choice"' not in page.text  # nothing is left to choose
    airflow.is_down = False
    # Whatever a second press would choose: the ledger's answer is passed on
    assert press(client, path, "").status_code == 303
    assert airflow.answered == [("release_for_review", "approve")]
    assert len(decided(ledger)) == 1


@pytest.mark.usefixtures("none_released")
def test_a_kill_between_ledger_and_airflow_leaves_nothing_half_decided(
    client: TestClient, airflow: Asking, board: Board, ledger: Ledger
) -> None:
    path = ask(airflow)
    pid = os.fork()
    if not pid:  # another process of the api-server, which ends between the two

        async def killed(*_: object) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        airflow.respond = killed  # type: ignore[method-assign, assignment]
        with TestClient(make_app(Board(airflow, lambda: board.settings))) as its_own:
            press(its_own, path, reason="Akkoord")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    assert accepted(ledger) == 0
    assert press(client, path, "reject").status_code == 303  # the first answer counts
    assert airflow.answered == [("release_for_review", "approve")]
    assert [one.is_approved for one in decided(ledger)] == [True]


@pytest.mark.usefixtures("none_released")
def test_when_the_ledger_is_down_airflow_hears_nothing(
    client: TestClient, airflow: Asking, board: Board, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ask(airflow)
    form = {"mark": mark(client.get(path)), "choice": "approve"}
    nowhere = board.settings.model_copy(update={"ledger": "host=127.0.0.1 port=1 user=x dbname=x password=geheim"})
    with monkeypatch.context() as patch:
        patch.setattr(board, "settings", nowhere)
        answer = client.post(path, data=form, headers=SAME)
        patch.setitem(board.__dict__, "read_only_ledger", ReadOnlyLedger(nowhere.need("ledger")))
        looked = client.get(path)
    assert (answer.status_code, looked.status_code) == (503, 503)
    for page, words in ((answer, "Het is niet zeker of dit is gelukt"), (looked, "Het bord kan dit nu niet tonen")):
        assert words in said(page)
        assert "LEDGER-006" in page.text
        assert not [word for word in ("geheim", "PostgreSQL", "OVERSTAP_LEDGER", "Wis") if word in page.text]
    assert airflow.answered == []
    assert decided(ledger) == []
    assert client.post(path, data=form, headers=SAME).status_code == 303


@pytest.mark.usefixtures("none_released")
def test_of_two_coordinators_the_second_reads_who_answered(
    client: TestClient, airflow: Asking, board: Board, ledger: Ledger
) -> None:
    add_second(ledger, board)
    path = ask(airflow)
    asked = airflow.open[0]
    airflow.asks = SECOND
    late = {"mark": mark(client.get(path)), "choice": "reject", "reason": "Liever niet"}
    airflow.asks = FIRST
    assert press(client, path).status_code == 303
    airflow.open.append(asked)  # Airflow's page was read before it heard of the first
    airflow.asks = SECOND
    answer = client.post(path, data=late, headers=SAME)
    assert answer.status_code == 409
    assert "koos: Vrijgeven" in said(answer)
    assert "Uw antwoord telt niet mee" in said(answer)
    # And when Airflow asks no more
    answer = client.post(path, data=late, headers=SAME)
    assert answer.status_code == 409
    assert "Deze vraag wacht niet meer op een antwoord." in said(answer)
    assert "vrijgegeven voor inzage door ouders" in said(answer)
    assert [(one.account, one.is_approved) for one in decided(ledger)] == [("coordinator_alfa", True)]
    assert "Liever niet" not in answer.text


@pytest.mark.usefixtures("none_released")
@pytest.mark.parametrize("is_down", [False, True])
def test_where_two_persons_release_the_second_lets_the_round_go_on(
    client: TestClient, airflow: Asking, ledger: Ledger, board: Board, *, is_down: bool
) -> None:
    """The first person presses nothing again; where Airflow is away, the second is told what to do."""
    add_second(ledger, board)
    by_owner(ledger, """update overstap.round_agreement set agreement = agreement || '{"four_eyes": ["release"]}'""")
    path = ask(airflow)
    waits = press(client, path)
    assert waits.status_code == 409
    assert "Dit wacht op een tweede persoon" in waits.text
    assert not airflow.answered
    airflow.asks, airflow.is_down = SECOND, is_down
    page = client.get("/toezicht/alfa")
    found = re.search(r'action="/rondes(/toezicht/alfa/bevestigen/[0-9a-f-]{36})"', page.text)
    assert found is not None, page.text
    done = client.post(found[1], data={"mark": mark(page)}, headers=SAME)
    assert done.status_code == 303
    if is_down:
        assert done.headers["location"].endswith("gedaan=half")
        assert "geef het antwoord daar door" in client.get("/toezicht/alfa?gedaan=half").text
        airflow.is_down, airflow.asks = False, FIRST
        assert press(client, path).status_code == 303
    assert airflow.answered == [("release_for_review", "approve")]
    assert accepted(ledger) == 0


@pytest.mark.usefixtures("none_released")
def test_a_viewer_reads_the_question_and_has_no_buttons(client: TestClient, airflow: Asking, ledger: Ledger) -> None:
    path = ask(airflow)
    token = mark(client.get(path))
    for who in (VIEWER, SECOND):
        airflow.asks = who
        page = client.get(path)
        assert "<button" not in page.text.replace('<button class="button" type="button" data-print>', "")
        assert "<form" not in page.text
        assert "Deze vraag beantwoordt Coördinator Regio Alfa" in said(page)
        # Neither with the form of somebody else, nor with one that would be their own
        assert client.post(path, data={"mark": token, "choice": "approve"}, headers=SAME).status_code == 422
    assert "Bekijk : Vrijgeven?" in said(client.get(HERE)) or "Beantwoord" in said(client.get(HERE))
    airflow.asks = VIEWER
    assert "Beantwoord" not in said(client.get(HERE))
    assert "Bekijk" in said(client.get("/"))
    airflow.asks = OF_BETA
    assert client.get(path).status_code == 404
    assert client.post(path, data={"mark": token, "choice": "approve"}, headers=SAME).status_code == 404
    airflow.asks = None
    assert client.post(path, data={"mark": token, "choice": "approve"}, headers=SAME).status_code == 401
    assert decided(ledger) == []


@pytest.mark.usefixtures("none_released")
def test_an_account_that_the_agreement_does_not_name_is_refused_by_the_database(
    client: TestClient, airflow: Asking, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    from overstap.pages.board.views import question

    path = ask(airflow)
    airflow.asks = SECOND
    monkeypatch.setattr(question, "may_answer", lambda *_: True)  # a page that errs
    answer = press(client, path)
    assert answer.status_code == 409
    assert "Uw account mag in deze ronde niet beslissen" in said(answer)
    assert decided(ledger) == []
    assert airflow.answered == []


@pytest.mark.usefixtures("none_released")
def test_forged_and_old_forms_do_nothing(client: TestClient, airflow: Asking, ledger: Ledger) -> None:
    path = ask(airflow)
    token = mark(client.get(path))
    for form, headers in (
        ({"mark": "", "choice": "approve"}, SAME),
        ({"mark": token[:-2] + "xx", "choice": "approve"}, SAME),
        ({"mark": token, "choice": "approve"}, {"Sec-Fetch-Site": "cross-site"}),
        ({"mark": token, "choice": "approve"}, {"Origin": "https://elsewhere.example"}),
        ({"mark": token, "choice": "{{ 7 * 7 }}"}, SAME),
        ({"mark": token, "choice": ""}, SAME),
        ({"mark": token, "choice": "approve", "reason": "x" * 501}, SAME),
        ({"mark": token, "choice": "approve", "reason": "a\x00b"}, SAME),
    ):
        answer = client.post(path, data=form, headers=headers)
        assert answer.status_code == 422, form
        assert "Er is niets gedaan" in said(answer)
    # The question was asked anew, with other figures: the old form answers nothing
    airflow.open = [replace(airflow.open[0], key="asked 2")]
    answer = client.post(path, data={"mark": token, "choice": "approve"}, headers=SAME)
    assert answer.status_code == 422
    assert "intussen opnieuw gesteld" in said(answer)
    for wrong in ("/besluit/reopen/1", "/besluit/release_for_review/x", "/besluit/release_for_review/99"):
        assert client.post(f"{HERE}{wrong}", data={"mark": token}, headers=SAME).status_code in (404, 409, 422)
    assert decided(ledger) == []
    assert airflow.answered == []


def hold(ledger: Ledger, gate: str, *reasons: HoldReason) -> None:
    with ledger.unit("alfa", "test") as unit:
        gate_holds.update_holds(unit, ROUND, gate, reasons)


@pytest.mark.parametrize(
    ("gate", "reason", "words", "button"),
    [
        (
            RELEASE_FOR_DELIVERY,
            HoldReason("school_missing", 4, {"school": HOSTILE}, "x"),
            "heeft niets aangeleverd; verwacht aantal leerlingen: 4.",
            "Versturen",
        ),
        (ACCEPT_UNDELIVERABLE, HoldReason("refused", 3), "Geweigerd door de ontvangende school: 3.", "Zo afsluiten"),
    ],
)
def test_what_stands_out_is_told_and_decided(
    client: TestClient, airflow: Asking, ledger: Ledger, gate: str, reason: HoldReason, words: str, button: str
) -> None:
    hold(ledger, gate, reason)
    path = ask(airflow, gate)
    page = client.get(path)
    assert words in said(page)
    assert f">{button}</button>" in page.text
    assert "<script>alert" not in page.text
    assert press(client, path, reason="Gebeld").status_code == 303
    assert [(one.gate, one.is_approved) for one in decided(ledger)] == [(gate, True)]
    with ledger.unit("alfa", "test") as unit:
        assert gate_holds.open_holds(unit, ROUND, gate) == []


def test_many_schools_without_dossiers_are_one_sentence(client: TestClient, airflow: Asking, ledger: Ledger) -> None:
    schools = [HoldReason("school_missing", 20, {"school": f"School {n}"}, f"s{n}") for n in range(75)]
    hold(ledger, ACCEPT_UNDELIVERABLE, *schools, HoldReason("unconfirmed", 70))
    shown = said(client.get(ask(airflow, ACCEPT_UNDELIVERABLE)))
    assert "75 scholen hebben niets aangeleverd; verwacht aantal leerlingen: 1.500." in shown
    assert shown.index("nog niet bevestigd: 70") < shown.index("75 scholen") < shown.index("School 74 heeft niets")


def test_where_nothing_is_left_to_decide_the_question_can_be_asked_again(
    client: TestClient, airflow: Asking, ledger: Ledger
) -> None:
    path = ask(airflow, RELEASE_FOR_DELIVERY)
    page = client.get(path)
    assert "Er valt bij deze vraag niets meer te beslissen" in said(page)
    assert 'name="choice"' not in page.text
    assert f'href="/rondes{HERE}/opnieuw-vragen/{RELEASE_FOR_DELIVERY}"' in page.text


def test_who_gets_longer_is_chosen_by_school(client: TestClient, airflow: Asking, ledger: Ledger) -> None:
    by_owner(
        ledger,
        "update overstap.round_agreement set agreement = "
        "jsonb_set(agreement, '{rounds,advice,not_inspected}', '\"attest\"') where region = 'alfa'",
    )
    with ledger.unit("alfa", "test") as unit:
        found = unit.rows(
            "select primary_school, count(*) from overstap.dossier where state = 'not_inspected' group by 1 order by 1"
        )
    assert len(found) > 1
    hold(
        ledger,
        NOT_INSPECTED,
        *(HoldReason(NOT_INSPECTED, n, {"school": f"Naam ({one})", "released": n}, one) for one, n in found),
    )
    path = ask(airflow, NOT_INSPECTED)
    page = client.get(path)
    for label in ("Niet versturen", "Langer laten inzien", "School laten verklaren"):
        assert f">{label}</button>" in page.text
    first, second = found[0][0], found[1][0]
    soon = (now() + timedelta(hours=3)).astimezone(NETHERLANDS).strftime("%Y-%m-%dT%H:%M")
    for choice, form, words in (
        ("extend", {"schools": [first]}, "Vul in tot wanneer"),
        ("extend", {"schools": [first], "until": "morgen"}, "Vul in tot wanneer"),
        ("extend", {"schools": [first], "until": "2020-01-01T10:00"}, "Vul in tot wanneer"),
        ("extend", {"schools": [], "until": soon}, "Kies ten minste één school"),
        ("attest", {"schools": [first]}, "Geef een reden"),
        ("hold", {"schools": ["12ZZ34"]}, "scholen waar deze vraag niet over gaat"),
    ):
        answer = press(client, path, choice, **form)
        assert answer.status_code == 422, choice
        assert words in said(answer), choice
    assert decided(ledger) == []
    answer = press(client, path, "extend", schools=[first], until=soon, reason="Vakantie")
    assert answer.status_code == 303
    with ledger.unit("alfa", "test") as unit:
        left = dict(
            unit.rows("select primary_school, count(*) from overstap.dossier where state = 'not_inspected' group by 1")
        )
    assert first not in left
    assert left[second] == found[1][1]


@pytest.mark.usefixtures("none_released")
def test_a_wrong_release_is_taken_back_by_clicks(client: TestClient, airflow: Asking, ledger: Ledger) -> None:
    back = f"{HERE}/terugnemen"
    assert client.get(back).status_code == 409
    assert "terugnemen" not in client.get(HERE).text
    before = accepted(ledger)
    press(client, ask(airflow))
    assert f'href="/rondes{back}"' in client.get(HERE).text
    page = client.get(back)
    assert "Dit kan zolang er niets van is gekomen" in said(page)
    decision = re.search(r'name="decision" value="([^"]+)"', page.text)
    assert decision is not None
    form = {"mark": mark(page), "decision": decision[1], "note": "Verkeerde knop"}
    for wrong in ({"note": " "}, {"mark": "x"}, {"decision": str(decision[1])[:-1] + "0"}):
        assert client.post(back, data={**form, **wrong}, headers=SAME).status_code in (409, 422), wrong
    assert client.post(back, data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 422
    airflow.asks = VIEWER
    assert "terugnemen" not in client.get(HERE).text
    assert client.post(back, data=form, headers=SAME).status_code == 422
    airflow.asks = FIRST
    answer = client.post(back, data=form, headers=SAME)
    assert answer.headers["location"] == f"/rondes{HERE}?gedaan=taken_back"
    assert accepted(ledger) == before
    assert airflow.cleared == [("release_for_review", "Verkeerde knop")]
    page = client.get(HERE)
    assert "heeft een besluit over" in said(page)
    assert "Verkeerde knop" in said(page)
    assert back not in page.text
    assert client.post(back, data=form, headers=SAME).status_code in (409, 422)


@pytest.mark.usefixtures("none_released")
def test_taken_back_while_airflow_is_down_is_asked_again_by_a_second_press(
    client: TestClient, airflow: Asking, ledger: Ledger
) -> None:
    back = f"{HERE}/terugnemen"
    press(client, ask(airflow))
    page = client.get(back)
    decision = re.search(r'name="decision" value="([^"]+)"', page.text)
    assert decision is not None
    airflow.is_down = True
    form = {"mark": mark(page), "decision": decision[1], "note": "Verkeerde knop"}
    answer = client.post(back, data=form, headers=SAME)
    assert answer.status_code == 502
    assert "Het besluit is teruggenomen, maar Airflow stelde de vraag niet opnieuw" in said(answer)
    assert accepted(ledger) > 0
    airflow.is_down = False
    again = f"{HERE}/opnieuw-vragen/release_for_review"
    assert f'action="/rondes{again}"' in answer.text
    assert client.post(again, data={"mark": mark(answer), "note": "x"}, headers=SAME).status_code == 303


def test_who_looks_after_it_is_said_with_a_button(client: TestClient, airflow: Asking, ledger: Ledger) -> None:
    with ledger.unit("alfa", "test") as unit:
        waiting = outstanding.without_receiver(unit, ROUND)
    school = waiting[0].primary_school
    page = client.get(HERE)
    assert page.text.count("Ik zoek dit uit") == len(waiting) > 0
    form = {"mark": mark(page), "school": school}
    for who, headers in ((VIEWER, SAME), (SECOND, SAME), (FIRST, {"Sec-Fetch-Site": "cross-site"})):
        airflow.asks = who
        assert client.post(f"{HERE}/oppakken", data=form, headers=headers).headers["location"] == f"/rondes{HERE}"
    airflow.asks = FIRST
    answer = client.post(f"{HERE}/oppakken", data=form, headers=SAME)
    assert answer.headers["location"] == f"/rondes{HERE}?gedaan=taken_up#over"
    page = client.get(HERE)
    assert "Coördinator Regio Alfa zoekt het uit" in said(page)
    assert page.text.count("Ik zoek dit uit") == len(waiting) - 1
    airflow.asks = VIEWER
    assert "Ik zoek dit uit" not in client.get(HERE).text
