"""Schools of the demonstration that have only paper: they type on the real pages, as a browser does."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

import httpx
import pyotp
from openpyxl import load_workbook

from overstap.errors import OverstapError
from overstap.simulation.synthetic.rosters import table_of
from overstap.simulation.synthetic.school import PrimarySchool
from overstap.simulation.synthetic.writing import dossier
from overstap.texts import texts
from overstap.typed.answers import answers_of
from overstap.typed.form import Form, FormFieldKind, form_of, newest_version
from overstap.typed.workbook import WorkbookColumn, columns_of, school_lines
from overstap_tools.demo.building import Demonstration
from overstap_tools.demo.forms import asked, hidden
from overstap_tools.demo.sandbox import ROUND
from overstap_tools.demo.schools import SchoolSignIn

_SECONDS = 120.0


@dataclass(frozen=True)
class PaperSchool:
    """A school that supplies on its own pages.

    Args:
        demonstration: the running demonstration, whose round is open.
        school: the school.
        desk: address and account.
    """

    demonstration: Demonstration
    school: PrimarySchool
    desk: SchoolSignIn

    @property
    def _list(self) -> str:
        return f"/ronde/{self.demonstration.agreement.round_id(ROUND)}/invullen"

    @property
    def _form(self) -> Form:
        agreed = self.demonstration.agreement.round(ROUND)
        return form_of(newest_version(), agreed.profile, agreed.categories)

    def type_in(self) -> int:
        """Type every pupil in, step by step, and hand it in; return how many that were.

        Raises:
            OverstapError: LOCAL-007 when a page does not say that it was handed in.
        """
        with self._signed_in() as browser:
            pupils = list(self._pupils())
            for answers in pupils:
                form = hidden(browser.get(self._list).text, self._list)
                draft = browser.post(self._list, data=form).url.path.rpartition("/stap/")[0]
                for step in self._form.steps:
                    if step.is_mandatory:
                        self._save(browser, f"{draft}/stap/{step.name}", answers)
                form = hidden(browser.get(draft).text, f"{draft}/aanleveren")
                self._said(browser.post(f"{draft}/aanleveren", data=form), "handed_in")
        return len(pupils)

    def supply_workbook(self) -> int:
        """Supply a roster, fill in the workbook that has its pupils, and supply it; return how many pupils it has.

        Raises:
            OverstapError: LOCAL-007 when a pupil of it was not handed in.
        """
        with self._signed_in() as browser:
            rosters = f"{self._list.rpartition('/')[0]}/leerlingenlijst"
            roster = table_of(self.demonstration.region, self.school)
            form = hidden(browser.get(rosters).text, rosters)
            self._well(browser.post(rosters, data=form, files={"bestand": ("leerlingen.csv", roster)}))
            filled, count = self._filled(self._well(browser.get(f"{self._list}/werkmap.xlsx")).content)
            upload = f"{self._list}/werkmap"
            form = hidden(browser.get(self._list).text, upload)
            answer = browser.post(upload, data=form, files={"bestand": ("leerlingen.xlsx", filled)})
            done = texts("school/typed")["workbook"]["refused"]["nl"].partition("{")[0]
            if self._well(answer).text.count(done):
                raise OverstapError("LOCAL-007", command="werkmap", log=str(self.demonstration.sandbox.folder / "logs"))
        return count

    @contextmanager
    def _signed_in(self) -> Iterator[httpx.Client]:
        """Yield a browser on which somebody signed in and put a code app into use, as a second factor."""
        with httpx.Client(base_url=self.desk.address, follow_redirects=True, timeout=_SECONDS) as browser:
            form = hidden(browser.get("/").text, "/inloggen")
            who = {"account": self.desk.account, "wachtwoord": self.desk.password}
            self._well(browser.post("/inloggen", data=form | who))
            form = hidden(browser.get("/beveiliging").text, "/beveiliging/app")
            page = self._well(browser.post("/beveiliging/app", data=form | {"naam": "Telefoon"})).text
            secret = page.partition('class="secret">')[2].partition("<")[0].replace(" ", "")
            form = hidden(page, "/beveiliging/app/bevestigen")
            code = {"code": pyotp.TOTP(secret).now()}
            self._well(browser.post("/beveiliging/app/bevestigen", data=form | code))
            yield browser

    def _pupils(self) -> Iterator[dict[str, str]]:
        """Yield what is on paper of each pupil, by the path of the question."""
        region = self.demonstration.region
        for pupil in region.pupils(self.school):
            yield answers_of(self._form, dossier(region, pupil).school or {})

    def _save(self, browser: httpx.Client, address: str, answers: Mapping[str, str]) -> None:
        page = self._well(browser.get(address)).text
        given: dict[str, str | list[str]] = {}
        for name in asked(page, address) & set(answers):
            field = self._form.field_at(name)
            is_list = field is not None and field.kind is FormFieldKind.CHOICES
            given[name] = answers[name].split("\n") if is_list else answers[name]
        self._well(browser.post(address, data={**hidden(page, address), **given, "doe": "later"}))

    def _filled(self, content: bytes) -> tuple[bytes, int]:
        """Return the workbook as somebody fills it in: codes by their meaning, and the number of pupils."""
        book = load_workbook(io.BytesIO(content))
        words, form = texts("school/typed")["workbook"], self._form
        columns = columns_of(form.version, form.profile, form.categories)
        pupils, about = book[words["pupils"]["nl"]], book[words["school"]["nl"]]
        known = {answers["leerling/leerlingid"]: answers for answers in self._pupils()}
        places = {one.path: place for place, one in enumerate(columns, 2)}
        for row in range(2, len(known) + 2):
            answers = known[str(pupils.cell(row, places["leerling/leerlingid"]).value)]
            for one in columns:
                if one.path in answers:
                    pupils.cell(row, places[one.path]).value = _meaning(one, answers[one.path])
        first = next(iter(known.values()))
        for row, one in enumerate(school_lines(form), 2):
            if one.path in first:
                about.cell(row, 2).value = _meaning(one, first[one.path])
        out = io.BytesIO()
        book.save(out)
        return out.getvalue(), len(known)

    def _said(self, answer: httpx.Response, note: str) -> None:
        if texts("school/typed")["note"][note]["nl"] not in self._well(answer).text:
            raise OverstapError("LOCAL-007", command="aanleveren", log=str(self.demonstration.sandbox.folder / "logs"))

    def _well(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code != HTTPStatus.OK:
            raise OverstapError(
                "LOCAL-007",
                command=f"{answer.request.method} {answer.request.url.path}: {answer.status_code}",
                log=str(self.demonstration.sandbox.folder / "logs" / "schools.log"),
            )
        return answer


def _meaning(column: WorkbookColumn, code: str) -> str:
    """Return what the list of a column says for a code."""
    if column.form.kind is FormFieldKind.YES_NO:
        said = texts("school/typed")["step"]
        return str(said["is_so" if code == "true" else "is_not"]["nl"])
    return next((meaning for known, meaning in column.form.choices if known == code), code)
