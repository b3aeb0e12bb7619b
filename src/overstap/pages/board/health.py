"""Assessment of the system's health from measured values: one line per component, for the administrator's page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from overstap.pages.board.formatting import number, period, when
from overstap.settings import Settings
from overstap.texts import texts, with_counts

BACKUP_MIND, BACKUP_BAD = timedelta(hours=26), timedelta(days=3)
"""A backup is made each day; an hour or two later is not reported."""
CERTIFICATE_MIND, CERTIFICATE_BAD = timedelta(days=60), timedelta(days=14)
QUEUE_MIND, QUEUE_BAD = timedelta(minutes=5), timedelta(minutes=30)
BACKUPS = ("ledger", "airflow", "keys")


@dataclass(frozen=True, slots=True)
class HealthLine:
    """Health of one component.

    Args:
        name: its name, Dutch.
        tone: "good", "mind" or "bad".
        says: its state, Dutch.
        do: the action to take, Dutch; empty when there is none.
    """

    name: str
    tone: str
    says: str
    do: str = ""


def component(name: str, beat: datetime | None, is_healthy: bool, now: datetime) -> HealthLine:
    """Return the health of a component of Airflow, by its heartbeat.

    Args:
        name: "scheduler", "dag_processor" or "triggerer".
        beat: its last heartbeat.
        is_healthy: whether Airflow calls it healthy.
        now: the present moment, aware.
    """
    if beat is None:
        return _line(name, "bad", "never")
    ago = period(max(now - beat, timedelta(0)))
    return _line(name, "good" if is_healthy else "bad", "beats" if is_healthy else "silent", ago=ago)


def signing_in(settings: Settings) -> HealthLine:
    """Return the health of the sign-in of coordinators and administrators.

    Args:
        settings: with whether this is production and whether there is an identity provider.
    """
    if settings.oidc_issuer and settings.needs_second_factor:
        return _line("signing_in", "good", "second_factor")
    how = "provider" if settings.oidc_issuer else "password"
    return _line("signing_in", "bad" if settings.production else "mind", how)


def queue(waiting: int, since: datetime | None, running: int, now: datetime) -> HealthLine:
    """Return the health of Airflow's task queue.

    Args:
        waiting: number of tasks that wait for a worker.
        since: moment since which the first of them waits, aware.
        running: number of tasks that run.
        now: the present moment, aware.
    """
    facts = {"waiting": waiting, "running": running}
    if not waiting or since is None:
        return _line("queue", "good", "empty", **facts)
    waits = now - since
    tone = "bad" if waits > QUEUE_BAD else "mind" if waits > QUEUE_MIND else "good"
    return _line("queue", tone, "waits" if tone == "good" else "stuck", ago=period(waits), **facts)


def paused(dag_ids: Sequence[str]) -> HealthLine:
    """Return the health of scheduling: while a DAG is paused, its rounds do not open and no mail is sent.

    Args:
        dag_ids: the paused DAGs of agreements in use.
    """
    if not dag_ids:
        return _line("paused", "good", "none")
    return _line("paused", "bad", "some", count=len(dag_ids), dags=", ".join(dag_ids[:5]))


def database(name: str, milliseconds: float | None, size_bytes: int | None) -> HealthLine:
    """Return the health of a database, by whether it answers.

    Args:
        name: "ledger" or "airflow_database".
        milliseconds: duration of a query; None when it did not answer.
        size_bytes: its size; None where the login may not ask for it.
    """
    if milliseconds is None:
        return _line(name, "bad", "silent")
    size = f"{number(round(size_bytes / 1e6))} MB" if size_bytes is not None else "?"
    return _line(name, "good", "answers", took=f"{milliseconds:.0f} ms", size=size)


def backups(made: Mapping[str, datetime], now: datetime) -> HealthLine:
    """Return the health of backups, by the oldest of the three kinds.

    Args:
        made: moment of the newest backup of each kind.
        now: the present moment, aware.
    """
    names = texts("board/health")["backup_kinds"]
    missing = [names[kind]["nl"] for kind in BACKUPS if kind not in made]
    if missing:
        return _line("backup", "bad", "missing", kinds=", ".join(missing))
    kind, at = min(made.items(), key=lambda item: item[1])
    age = now - at
    tone = "bad" if age > BACKUP_BAD else "mind" if age > BACKUP_MIND else "good"
    return _line("backup", tone, "old" if tone != "good" else "fresh", kind=names[kind]["nl"], at=when(at, now))


def certificates(expiries: Mapping[str, datetime] | None, now: datetime) -> HealthLine:
    """Return the health of certificates, by the one that expires first.

    Args:
        expiries: end of validity of each certificate, by owner; None when this process cannot read them.
        now: the present moment, aware.
    """
    if expiries is None:
        return _line("certificates", "mind", "unseen")
    if not expiries:
        return _line("certificates", "mind", "none")
    holder, until = min(expiries.items(), key=lambda item: item[1])
    room = until - now
    tone = "bad" if room < CERTIFICATE_BAD else "mind" if room < CERTIFICATE_MIND else "good"
    soon = sum(one - now < CERTIFICATE_MIND for one in expiries.values())
    facts = {"count": len(expiries), "holder": holder, "until": when(until, now), "soon": soon}
    key = "expired" if room < timedelta(0) else "soon" if tone != "good" else "sound"
    return _line("certificates", tone, key, **facts)


def checkpoint(unsigned: int, oldest: datetime | None, now: datetime) -> HealthLine:
    """Return the health of the audit chain, by how much of it no checkpoint has signed.

    Args:
        unsigned: number of audit lines of all regions that no checkpoint covers.
        oldest: last checkpoint of the region that waits longest; None when there never was one.
        now: the present moment, aware.
    """
    facts = {"unsigned": unsigned, "at": when(oldest, now) if oldest else ""}
    if unsigned == 0:
        return _line("checkpoint", "good", "signed", **facts)
    return _line("checkpoint", "good" if oldest else "mind", "open" if oldest else "never", **facts)


def _line(name: str, tone: str, key: str, **facts: object) -> HealthLine:
    words = texts("board/health")[name]
    do = "" if tone == "good" else str(words.get("do_nl", "")).format(**facts)
    return HealthLine(words["name_nl"], tone, words[key]["nl"].format(**with_counts(facts)), do)
