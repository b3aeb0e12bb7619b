"""Dutch documentation of DAGs, rendered from the agreement: dates, receivers, contacts."""

from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from overstap.agreements import Agreement, RoundKind
from overstap.clock import format_moment
from overstap.orchestration.markdown import plain
from overstap.resources import INCLUDE
from overstap.texts import texts


@cache
def _template() -> Template:
    """Return the template, compiled once for all rounds of all regions."""
    environment = Environment(  # noqa: S701 (the output is Markdown, for which `finalize` escapes every value)
        loader=FileSystemLoader(INCLUDE / "templates" / "orchestration"),
        undefined=StrictUndefined,
        finalize=lambda value: plain(value) if isinstance(value, str) else value,
        trim_blocks=True,
    )
    return environment.get_template("round.md.j2")


def round_doc(agreement: Agreement, kind: RoundKind) -> str:
    """Return the Markdown that Airflow shows with a round's DAG."""
    agreed = agreement.round(kind)
    words = texts("orchestration/documentation")
    names = {coordinator.account: coordinator.name for coordinator in agreement.coordinators}
    return _template().render(
        region=agreement.name,
        round=kind.dutch,
        school_year=agreement.school_year,
        digest=agreement.digest[:12],
        milestones=[
            (words["milestones"][name]["nl"], format_moment(getattr(agreed.milestones, name)))
            for name in kind.milestones
        ],
        stage=words["stages"][agreed.receivers.value]["nl"],
        is_inspected=kind.is_inspected,
        receivers=[school.label for school in agreement.receivers(kind)],
        profile=agreed.profile,
        categories=", ".join(sorted(agreed.categories)),
        coordinators=", ".join(names[account] for account in agreed.gate_answered_by or names),
        schools=agreement.schools,
    )


def steering_doc(agreement: Agreement) -> str:
    """Return the Markdown that Airflow shows with the DAG that steers a region's rounds."""
    text: str = texts("orchestration/documentation")["steering"]["nl"]
    return text.format(region=plain(agreement.name))


def deliveries_doc(agreement: Agreement) -> str:
    """Return the Markdown that Airflow shows with the DAG of a region's deliveries."""
    text: str = texts("orchestration/documentation")["deliveries"]["nl"]
    return text.format(region=plain(agreement.name))


def intake_doc(agreement: Agreement) -> str:
    """Return the Markdown that Airflow shows with the DAG of a region's daily intake."""
    text: str = texts("orchestration/documentation")["intake"]["nl"]
    return text.format(region=plain(agreement.name))


def agreement_doc(agreement: Agreement) -> str:
    """Return the Markdown that Airflow shows with the DAG of a region's agreements."""
    text: str = texts("orchestration/documentation")["agreement"]["nl"]
    return text.format(region=plain(agreement.name))


def answers_doc(agreement: Agreement) -> str:
    """Return the Markdown that Airflow shows with the DAG of a region's answers."""
    text: str = texts("orchestration/documentation")["answers"]["nl"]
    return text.format(region=plain(agreement.name))


def notices_doc(agreement: Agreement) -> str:
    """Return the Markdown that Airflow shows with the DAG of a region's mail."""
    text: str = texts("orchestration/documentation")["notices"]["nl"]
    hours = agreement.notices
    return text.format(
        region=plain(agreement.name), digest=hours.digest_at, since=hours.quiet_from, until=hours.quiet_until
    )
