"""No text of a file, a form or the ledger is a template or Markdown: a region's round played with hostile ones.

The region's and its schools' names, its coordinator, a run's form and every answer hold what some engine would run:
Jinja, str.format, %-formatting, a shell, HTML, Markdown. What Jinja would make of them, and the file that they would
write, is looked for in all that Airflow keeps: labels, rendered fields, XCom, DAG documentation, questions and logs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
import yaml

from overstap.agreements import load_agreement
from overstap.clock import dutch_time, now
from overstap.simulation.synthetic.region import make_region
from overstap_tools.local.postgres import EmbeddedPostgres

from .airflow_home import DATABASE, Airflow, Played, Players
from .conftest import Schools
from .deployment import RegionDeployment, build

COMPUTED = str(6 * 7000021)
"""What a template engine makes of the texts below; they themselves do not hold it."""
HOSTILE = (
    "{{ 6 * 7000021 }}",
    "{% set n = 6 * 7000021 %}{{ n }}",
    "{{ conn.mail.host }}-{{ 6 * 7000021 }}",
    "{{ macros.uuid.os.popen('touch $MARK; expr 6 \\* 7000021').read() }}",
    "{# weg #}${HOME}$(touch $MARK)`touch $MARK`%(region)s%s{0.__class__}{region}",
    '<img src=x onerror="alert(1)"> [klik](https://evil.example) ![x](https://evil.example/x.png)',
)


@dataclass
class Hostile:
    """A region with such texts, and what was played of it."""

    deployment: RegionDeployment
    airflow: Airflow
    names: dict[str, str]
    """By BRIN, the name that the agreement gives a school."""
    mark: Path
    """Made by whatever is run of the texts."""
    intake: Played
    round: Played
    steered: Played


@pytest.fixture(scope="module")
def played_round(
    server: EmbeddedPostgres, players: Players, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hostile]:
    folder = tmp_path_factory.mktemp("hostile")
    mark = folder / "was-run"
    texts = [one.replace("$MARK", str(mark)) for one in HOSTILE]
    sizes = {"late": 0, "faulty": 0, "littered": 0, "database": 0}
    region = make_region(11, 12, 4, 2, today=dutch_time(now()).date(), name="alfa", **sizes)
    deployment = build(folder, server, region, review=timedelta(minutes=20), las=False, may_shift="{receipts_due: 2}")
    path = deployment.written.agreement
    stated = yaml.safe_load(path.read_text(encoding="utf-8"))
    stated["name"] = texts[0]
    stated["coordinators"][0]["name"] = texts[1]
    names = {}
    for school, text in zip(stated["schools"], texts * 2, strict=False):
        names[school["id"]] = school["name"] = f"{text} {HOSTILE[-1]}"
    path.write_text(yaml.safe_dump(stated, allow_unicode=True), encoding="utf-8")
    deployment.agreement = load_agreement(path)
    deployment.receive_all()
    airflow = players.open(deployment)
    schools = Schools(deployment)
    schools.start()
    form = {
        "waarom": texts[3],
        "receipts_due": (deployment.round.milestones.receipts_due + timedelta(days=1)).isoformat(),
    }
    try:
        yield Hostile(
            deployment,
            airflow,
            names,
            mark,
            round=airflow.play(conf=form, by=deployment.coordinator, reason=texts[3]),
            intake=airflow.play(dag="intake__{region}"),
            steered=airflow.play(dag="steer__{region}", conf=form | {"waarom": texts[2]}, by=deployment.coordinator),
        )
    finally:
        schools.over.set()
        airflow.close()
        deployment.close()


def test_the_round_runs_and_shows_the_names_as_they_stand(played_round: Hostile) -> None:
    assert played_round.round.state == "success"
    assert played_round.deployment.states().keys() <= {"confirmed", "not_inspected", "no_receiver"}
    for task, said in (("collect", "Ophalen - {}"), ("deliver", "Versturen - {}")):
        labels = [label for name, label in played_round.round.labels.items() if name.startswith(f"{task}[")]
        kind = (
            played_round.deployment.agreement.primary_schools
            if task == "collect"
            else played_round.deployment.agreement.secondary_schools
        )
        assert len(labels) == len(kind)
        for label, school in zip(labels, kind, strict=True):
            assert label.startswith(said.format(played_round.names[school.id])[:180])
            assert label.endswith(f"({school.id})")
    assert played_round.round.labels["release[0]"] == "Dossiers vrijgeven voor inzage door ouders? (vraag 1)"


def test_the_days_intake_and_a_forms_reason_run_through(played_round: Hostile) -> None:
    assert played_round.intake.state == "success"
    assert played_round.steered.state == "success"


@pytest.mark.fault("F75")
def test_nothing_was_run(played_round: Hostile) -> None:
    assert not played_round.mark.exists()


def test_nothing_is_rendered_in_anything_that_airflow_keeps(played_round: Hostile) -> None:
    deployment = played_round.deployment
    found = []
    for dsn in (deployment.server.superuser_dsn(DATABASE), deployment.owner_dsn):
        with psycopg.connect(dsn) as connection:
            tables = connection.execute(
                "select format('%I.%I', schemaname, tablename) from pg_tables "
                "where schemaname not in ('pg_catalog', 'information_schema')"
            ).fetchall()
            for (table,) in tables:
                rows = connection.execute(f"select t::text from {table} t where t::text ~ '{COMPUTED}'").fetchall()  # noqa: S608
                found += [(table, row) for (row,) in rows]
    logs = [path for path in (played_round.airflow.home / "logs").rglob("*") if path.is_file()]
    found += [
        (str(path), "") for path in [played_round.airflow.log, *logs] if COMPUTED in path.read_text(errors="replace")
    ]
    assert found == []


def test_questions_show_no_link_image_or_html_of_a_name(played_round: Hostile) -> None:
    """The page renders the body as Markdown; it is rendered here, and only our own link to the board is in it."""
    from markdown_it import MarkdownIt

    with psycopg.connect(played_round.deployment.server.superuser_dsn(DATABASE)) as connection:
        bodies = connection.execute("select subject, body from hitl_detail").fetchall()
    assert bodies
    for subject, body in bodies:
        assert COMPUTED not in subject
        html = MarkdownIt("commonmark").enable("table").render(body)
        assert "<img" not in html
        assert "onerror=" not in html or "&lt;img" in html
        assert html.count("<a ") == 1, body
        assert "evil" not in html.partition("<a ")[2].partition(">")[0]
    assert any("evil" in body for _, body in bodies), "the names stand in the question about release"


@pytest.mark.fault("F75")
def test_the_reason_is_kept_as_it_was_given(played_round: Hostile) -> None:
    reasons = {reason for (reason,) in played_round.deployment.rows("select reason from overstap.gate_decision")}
    assert {HOSTILE[3].replace("$MARK", str(played_round.mark))} == reasons
    [(form,)] = played_round.deployment.rows("select reason from overstap.round_agreement where origin = 'form'")
    assert form in reasons, "of the run's form; the other form moved nothing any more"
