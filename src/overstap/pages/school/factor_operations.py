"""Operations of the schools' pages on second factors: enrolment, verification, recovery."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID, uuid4

from overstap.clock import now
from overstap.ledger import Ledger
from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.second_factors import (
    FactorFacts,
    FactorKind,
    FactorVerdict,
    HalfSession,
    SecondFactor,
    SecondFactors,
    recovery_hash,
)
from overstap.pages.school.passkeys import PasskeyRefusedError, Passkeys
from overstap.pages.school.totp import matching_step, new_recovery_codes, new_secret, read_typed

_CHALLENGE_BYTES = 32


class FactorOutcome(StrEnum):
    """Outcome of an attempt with a second factor."""

    PASSED = "passed"
    RECOVERED = "recovered"
    """By a recovery code, which is gone."""
    WRONG = "wrong"
    ENDED = "ended"
    """The session is over; the password is asked for again."""
    WAIT = "wait"
    """Too many attempts failed today."""


@dataclass(frozen=True, slots=True)
class FactorResult:
    """Result of an attempt with a second factor.

    Args:
        outcome: whether the session is complete.
        failed: number of failures on the account in a day, before this attempt.
        codes_left: number of recovery codes that are left, after one was used.
    """

    outcome: FactorOutcome
    failed: int = 0
    codes_left: int = 0


@dataclass(frozen=True, slots=True)
class FactorOverview:
    """Second factors of an account, for its page."""

    factors: Sequence[SecondFactor]
    facts: FactorFacts
    is_required: bool
    """Whether the agreement or the deployment requires one."""


@dataclass(frozen=True, slots=True)
class PendingApp:
    """A code app that was not shown to work yet."""

    factor: UUID
    name: str
    secret: str = field(repr=False)


class FactorOperations:
    """Operations on the second factors of a session's account.

    Args:
        borrow: lends a connection to the ledger.
        needs_factor: whether this deployment requires a second factor.
        origin: URL of the schools' pages, to which passkeys are bound; None: passkeys are not offered.
    """

    def __init__(
        self, borrow: Callable[[], AbstractContextManager[Ledger]], *, needs_factor: bool, origin: str | None
    ) -> None:
        self._borrow = borrow
        self.needs_factor = needs_factor
        self._passkeys = Passkeys(origin) if origin else None

    @property
    def has_passkeys(self) -> bool:
        """Whether passkeys are offered."""
        return self._passkeys is not None

    def half(self, session: bytes) -> HalfSession | None:
        """Return a session that waits for its second factor; None for any other."""
        with self._borrow() as ledger:
            return SecondFactors(ledger, session).half()

    def request(self, session: bytes, half: HalfSession) -> str | None:
        """Return what the browser needs to sign in with a passkey; None when the account has none."""
        if self._passkeys is None or half.challenge is None:
            return None
        with self._borrow() as ledger:
            known = _public_keys(SecondFactors(ledger, session).all())
        return self._passkeys.request(known, half.challenge) if known else None

    def verify_code(self, session: bytes, new_session: bytes, half: HalfSession, typed: str) -> FactorResult:
        """Verify a typed code, of an app or a recovery code, and complete the session.

        Args:
            session: identifier of the session.
            new_session: identifier of the complete session.
            half: the session.
            typed: the text of the field.
        """
        with self._borrow() as ledger:
            factors = SecondFactors(ledger, session)
            attempt = factors.attempt()
            if attempt.verdict is not FactorVerdict.MAY:
                return FactorResult(FactorOutcome(attempt.verdict), attempt.failed)
            code, is_of_app = read_typed(typed)
            if not is_of_app:
                left = factors.recovers(new_session, recovery_hash(half.account.account, code))
                if left is not None:
                    return FactorResult(FactorOutcome.RECOVERED, attempt.failed, left)
            for one in factors.all() if is_of_app else ():
                if one.kind is FactorKind.TOTP and one.confirmed_at is not None:
                    step = matching_step(factors.secret(half.account.region, one), code, now())
                    if step is not None and factors.passes(new_session, one.factor, step=step):
                        return FactorResult(FactorOutcome.PASSED)
            factors.challenge(secrets.token_bytes(_CHALLENGE_BYTES))
        return FactorResult(FactorOutcome.WRONG, attempt.failed)

    def verify_passkey(self, session: bytes, new_session: bytes, answer: str) -> FactorResult:
        """Verify what a passkey signed, and complete the session.

        Args:
            session: identifier of the session.
            new_session: identifier of the complete session.
            answer: the browser's answer, as JSON.
        """
        with self._borrow() as ledger:
            factors = SecondFactors(ledger, session)
            attempt = factors.attempt()
            if attempt.verdict is not FactorVerdict.MAY:
                return FactorResult(FactorOutcome(attempt.verdict), attempt.failed)
            mine = [one for one in factors.all() if one.kind is FactorKind.PASSKEY]
            if self._passkeys is not None and attempt.challenge is not None:
                try:
                    index, counter = self._passkeys.verified(answer, _public_keys(mine), attempt.challenge)
                except PasskeyRefusedError:
                    pass
                else:
                    if factors.passes(new_session, mine[index].factor, counter=counter):
                        return FactorResult(FactorOutcome.PASSED)
            factors.challenge(secrets.token_bytes(_CHALLENGE_BYTES))
        return FactorResult(FactorOutcome.WRONG, attempt.failed)

    def overview(self, session: bytes) -> FactorOverview:
        """Return the second factors of the session's account that are in use."""
        with self._borrow() as ledger:
            factors = SecondFactors(ledger, session)
            facts = factors.facts()
            mine = [one for one in factors.all() if one.confirmed_at is not None]
        return FactorOverview(mine, facts, facts.is_required or self.needs_factor)

    def begin_app(self, session: bytes, account: SchoolAccount, name: str) -> bool:
        """Make the secret of a new code app; return False when that may not be done now."""
        with self._borrow() as ledger:
            return SecondFactors(ledger, session).begin_totp(account.region, uuid4(), name, new_secret())

    def pending_app(self, session: bytes, account: SchoolAccount) -> PendingApp | None:
        """Return the code app that was not shown to work yet; None when there is none."""
        with self._borrow() as ledger:
            factors = SecondFactors(ledger, session)
            for one in factors.all():
                if one.kind is FactorKind.TOTP and one.confirmed_at is None:
                    return PendingApp(one.factor, one.name, factors.secret(account.region, one))
        return None

    def confirm_app(
        self, session: bytes, new_session: bytes, account: SchoolAccount, typed: str
    ) -> tuple[bool, list[str]]:
        """Put the new code app into use when the typed code is one of it.

        Returns:
            Whether it is in use, and the recovery codes that came with it (none with a second one).
        """
        pending = self.pending_app(session, account)
        code, is_of_app = read_typed(typed)
        step = matching_step(pending.secret, code, now()) if pending is not None and is_of_app else None
        if pending is None or step is None:
            return False, []
        codes = new_recovery_codes()
        with self._borrow() as ledger:
            stored = SecondFactors(ledger, session).confirm(
                new_session, pending.factor, _hashes(account, codes), step=step
            )
        return stored is not None, codes if stored else []

    def begin_passkey(self, session: bytes, account: SchoolAccount) -> str | None:
        """Return what the browser needs to make a passkey; None when passkeys are not offered."""
        if self._passkeys is None:
            return None
        challenge = secrets.token_bytes(_CHALLENGE_BYTES)
        with self._borrow() as ledger:
            factors = SecondFactors(ledger, session)
            factors.challenge(challenge)
            known = _public_keys(factors.all())
        return self._passkeys.registration(account.account, account.name, known, challenge)

    def confirm_passkey(
        self, session: bytes, new_session: bytes, account: SchoolAccount, name: str, answer: str
    ) -> tuple[bool, list[str]]:
        """Put a new passkey into use; returns as `confirm_app`.

        Args:
            session: identifier of the session.
            new_session: identifier of the session from now on.
            account: the account.
            name: what its owner calls it.
            answer: the browser's answer, as JSON.
        """
        codes = new_recovery_codes()
        with self._borrow() as ledger:
            factors = SecondFactors(ledger, session)
            challenge = factors.take_challenge()
            if self._passkeys is None or challenge is None:
                return False, []
            try:
                made = self._passkeys.registered(answer, name, challenge)
            except PasskeyRefusedError:
                return False, []
            stored = factors.confirm(new_session, uuid4(), _hashes(account, codes), passkey=made)
        return stored is not None, codes if stored else []

    def remove(self, session: bytes, factor: UUID) -> str:
        """Remove a second factor; returns as `SecondFactors.remove`."""
        with self._borrow() as ledger:
            return SecondFactors(ledger, session).remove(factor, needs_factor=self.needs_factor)

    def renew_codes(self, session: bytes, account: SchoolAccount) -> list[str]:
        """Make new recovery codes in the place of the old ones; none when that may not be done now."""
        codes = new_recovery_codes()
        with self._borrow() as ledger:
            return codes if SecondFactors(ledger, session).renew_codes(_hashes(account, codes)) else []

    def begin_proof(self, session: bytes) -> str | None:
        """Begin to prove the password again; returns as `SecondFactors.begin_proof`."""
        with self._borrow() as ledger:
            return SecondFactors(ledger, session).begin_proof()

    def prove(self, session: bytes, proven: str) -> bool:
        """Record that the password was verified; returns as `SecondFactors.prove`."""
        with self._borrow() as ledger:
            return SecondFactors(ledger, session).prove(proven)


def _public_keys(factors: Sequence[SecondFactor]) -> list[bytes]:
    return [one.public_key for one in factors if one.public_key is not None]


def _hashes(account: SchoolAccount, codes: Sequence[str]) -> list[bytes]:
    return [recovery_hash(account.account, code.replace("-", "")) for code in codes]
