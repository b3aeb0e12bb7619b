"""What a task needs to begin, and how a failure is told to the coordinator."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from airflow.sdk.exceptions import AirflowException

from overstap.agreements import Agreement, Round, RoundKind
from overstap.agreements.load import find_agreement
from overstap.errors import OverstapError
from overstap.ledger import Ledger, open_ledger
from overstap.ledger.rounds.rounds import get_round
from overstap.ledger.rounds.steering import take_file
from overstap.orchestration.failures import StopError, told
from overstap.pki import TrustStore
from overstap.settings import Settings

log = logging.getLogger(__name__)

MENDED_BY_PEOPLE = frozenset({"school", "region"})
"""Whoever must act before a further try can help (`who` of an error's sentences)."""
WORTH_ANOTHER_TRY = frozenset({"DELIVERY-101"})
"""Told to the coordinator, and yet likely to pass by itself: a receiver that is down for a moment."""


@dataclass(frozen=True)
class RoundRef:
    """Which round a DAG is about: all that its tasks pass on."""

    region: str
    school_year: str
    kind: str

    @property
    def round_id(self) -> str:
        """The round's id in the ledger."""
        return f"{self.region}.{self.school_year}.{self.kind}"


@dataclass(frozen=True)
class Workplace:
    """Settings, ledger and the agreement that holds for the round at present."""

    settings: Settings
    ledger: Ledger
    ref: RoundRef
    agreement: Agreement

    @property
    def round(self) -> Round:
        """What was agreed about this round."""
        return self.agreement.round(self.ref.kind)

    @property
    def kind(self) -> RoundKind:
        """Which of the year's rounds it is."""
        return RoundKind(self.ref.kind)

    @property
    def trust(self) -> TrustStore:
        """The certificates and keys of this deployment."""
        return TrustStore(self.settings.need_path("trust"), production=self.settings.production)


@contextmanager
def workplace(ref: RoundRef, task: str) -> Iterator[Workplace]:
    """Open the ledger for one task of a round and close it after.

    Args:
        ref: the round.
        task: the task's name, which the evidence keeps as who acted.
    """
    with telling(), _ledger() as (settings, ledger):
        yield Workplace(settings, ledger, ref, agreement_now(settings, ledger, ref, task))


def agreement_now(settings: Settings, ledger: Ledger, ref: RoundRef, actor: str) -> Agreement:
    """Return what holds for a round, after taking over what may still change of a changed agreement file.

    A file that is broken, or gone, changes nothing: the round goes on with what holds, and the log says so.

    Args:
        settings: where the agreement files are.
        ledger: the ledger.
        ref: the round; it is open.
        actor: the task that looks.

    Raises:
        OverstapError: LEDGER-009 when the round is not there.
    """
    with ledger.unit(ref.region, actor) as unit:
        agreement = get_round(unit, ref.round_id).agreement
    try:
        offered = find_agreement(settings.regions, ref.region, ref.school_year)
    except OverstapError as error:
        log.warning("%s | %s", error.code, error.message_nl)
        return agreement
    with ledger.unit(ref.region, actor) as unit:
        decided = take_file(unit, ref.round_id, offered, taken_by=actor)
    if decided is None:
        return agreement
    for verdict in decided.verdicts:
        level = logging.INFO if verdict.refused is None else logging.WARNING
        log.log(level, "%s | %s", verdict.difference.sentence_nl, verdict.sentence_nl)
    return decided.agreement


def seconds_until(ledger: Ledger, ref: RoundRef, agreement: Agreement, milestone: str) -> float:
    """Return how long it is until a milestone by the ledger's clock, which decides what may happen; negative when past.

    Args:
        ledger: the ledger.
        ref: the round.
        agreement: what holds for it.
        milestone: name of the milestone.
    """
    moment = getattr(agreement.round(ref.kind).milestones, milestone)
    with ledger.unit(ref.region, milestone) as unit:
        return float(unit.one("select extract(epoch from %(moment)s - overstap.clock())", moment=moment)[0])


@contextmanager
def bare_workplace() -> Iterator[tuple[Settings, Ledger]]:
    """Open the ledger before the round is in it."""
    with telling(), _ledger() as (settings, ledger):
        yield settings, ledger


@contextmanager
def telling() -> Iterator[None]:
    """Tell a failure in its two languages, Dutch first. What a person must mend is not tried again by itself."""
    try:
        yield
    except OverstapError as error:
        _tell(error)
        if error.who in MENDED_BY_PEOPLE and error.code not in WORTH_ANOTHER_TRY:
            raise StopError(error) from None
        raise
    except AirflowException:
        raise  # told already, or no failure: skipped
    except Exception as problem:
        _tell(told(problem))
        raise


def _tell(error: OverstapError) -> None:
    log.error("%s | %s", error.code, error.message_nl)
    log.error("Nu doen | %s", error.do_nl)
    log.error("%s | %s %s", error.code, error.message_en, error.do_en)


@contextmanager
def _ledger() -> Iterator[tuple[Settings, Ledger]]:
    settings = Settings()
    ledger = open_ledger(settings)
    try:
        yield settings, ledger
    finally:
        ledger.close()


def say(subject: str, counted: Counter[str]) -> None:
    """Tell in the log what a task did.

    Args:
        subject: what it is about.
        counted: how often what was done.
    """
    said = ", ".join(f"{name} {count}" for name, count in sorted(counted.items()) if count)
    log.info("%s: %s", subject, said or "niets nieuws (nothing new)")
