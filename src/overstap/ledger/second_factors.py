"""Second factors of schools' accounts: code apps (TOTP), passkeys and recovery codes.

Every function of the database takes a session and acts on its account alone. Secrets of code apps are encrypted with
the region's key; recovery codes are stored as hashes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from overstap.ledger.accounts import SchoolAccount, SignInStep
from overstap.ledger.region_keys import EncryptedContent, sha256
from overstap.ledger.session import Ledger


class FactorKind(StrEnum):
    """Kind of a second factor."""

    TOTP = "totp"
    """Codes of an app, by time (RFC 6238)."""
    PASSKEY = "passkey"
    """Key of a device or security key (W3C WebAuthn)."""


class FactorVerdict(StrEnum):
    """Whether an attempt with a second factor may be made."""

    MAY = "may"
    ENDED = "ended"
    """The session is over: ten minutes, or five wrong attempts."""
    WAIT = "wait"
    """Twenty attempts of unknown browsers failed on the account in a day."""


@dataclass(frozen=True, slots=True)
class HalfSession:
    """A session whose password was verified, and which opens no page yet.

    Args:
        account: the account.
        waits_for: FACTOR or ENROLMENT.
        challenge: what a passkey signs to complete it; None after it was used.
    """

    account: SchoolAccount
    waits_for: SignInStep
    challenge: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """A second factor of an account.

    Args:
        factor: its id.
        kind: what it is.
        name: what its owner calls it.
        key_id: of the secret; None for a passkey.
        secret: encrypted secret of a code app; None for a passkey.
        last_step: newest time step whose code was accepted.
        public_key: attested credential data of a passkey (WebAuthn 6.5.1); None for a code app.
        counter: number of signatures, as the passkey last stated it.
        made_at: when it was added.
        confirmed_at: when its owner showed that it works; None: not yet, and it does not count.
        used_at: when it was last used; None: never.
    """

    factor: UUID
    kind: FactorKind
    name: str
    key_id: str | None
    secret: bytes | None = field(repr=False)
    last_step: int
    public_key: bytes | None = field(repr=False)
    counter: int
    made_at: datetime
    confirmed_at: datetime | None
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class FactorFacts:
    """Facts about the second factors of a session's account."""

    recovery_codes: int
    """Number of unused recovery codes."""
    may_change: bool
    """Whether the password was verified within ten minutes."""
    is_required: bool
    """Whether the region's agreement requires a second factor."""


@dataclass(frozen=True, slots=True)
class FactorAttempt:
    """Verdict on an attempt, before the code or signature is checked; it counts as failed until the session passes."""

    verdict: FactorVerdict
    failed: int
    """Number of failures of unknown browsers on the account in a day, before this attempt."""
    challenge: bytes | None = field(repr=False)
    """What the passkey must have signed; it serves this attempt alone."""


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A passkey whose registration was verified.

    Args:
        name: what its owner calls it.
        credential: its id.
        public_key: attested credential data (WebAuthn 6.5.1).
        counter: number of signatures so far.
    """

    name: str
    credential: bytes
    public_key: bytes
    counter: int


def recovery_hash(account: str, code: str) -> bytes:
    """Return the hash of a recovery code by which the ledger finds it (32 bytes).

    Args:
        account: the login.
        code: the code in capitals, without separators.
    """
    return sha256(f"recovery\0{account}\0{code}".encode())


class SecondFactors:
    """Second factors of the account of a session, by functions of the database.

    Args:
        ledger: the ledger, with the login of the schools' pages and the regions' keys.
        session: identifier of the session (32 bytes).
    """

    def __init__(self, ledger: Ledger, session: bytes) -> None:
        self._ledger = ledger
        self._session = session

    def half(self) -> HalfSession | None:
        """Return the session while it waits for a second factor; None when it is complete or over."""
        found = self._ledger.without_region("select * from overstap.school_stay_half(%s)", self._session)
        if not found or found[0][0] is None:
            return None
        account, region, school, name, awaits, challenge = found[0]
        return HalfSession(SchoolAccount(account, region, school, name), SignInStep(awaits), challenge)

    def all(self) -> list[SecondFactor]:
        """Return the account's second factors, the oldest first, also an unconfirmed one."""
        return [
            SecondFactor(factor, FactorKind(kind), *rest)
            for factor, kind, *rest in self._ledger.without_region(
                "select * from overstap.school_factors(%s)", self._session
            )
        ]

    def facts(self) -> FactorFacts:
        """Return facts about the account's second factors; all zero for a session that is over."""
        found = self._ledger.without_region("select * from overstap.school_factor_facts(%s)", self._session)
        codes, may_change, is_required = found[0] if found else (0, False, False)
        return FactorFacts(codes or 0, bool(may_change), bool(is_required))

    def secret(self, region: str, factor: SecondFactor) -> str:
        """Return the secret of a code app, in Base32.

        Raises:
            OverstapError: LEDGER-002 or LEDGER-003 when it cannot be decrypted.
        """
        content = EncryptedContent(str(factor.key_id), factor.secret or b"")
        return self._ledger.keys(region).decrypt(content, f"factor/{factor.factor}").decode()

    def attempt(self) -> FactorAttempt:
        """Record an attempt with a second factor; it counts as failed until `passes` or `recovers`."""
        verdict, failed, challenge = self._ledger.without_region(
            "select * from overstap.school_factor_try(%s)", self._session
        )[0]
        return FactorAttempt(FactorVerdict(verdict), failed, challenge)

    def challenge(self, challenge: bytes) -> None:
        """Store what a passkey has to sign next in this session (32 bytes)."""
        self._ledger.without_region("select overstap.school_challenge(%s, %s)", self._session, challenge)

    def take_challenge(self) -> bytes | None:
        """Return the challenge of a registration, and remove it; None when there is none."""
        found: bytes | None = self._ledger.without_region("select overstap.school_take_challenge(%s)", self._session)[
            0
        ][0]
        return found

    def passes(self, new_session: bytes, factor: UUID, *, step: int | None = None, counter: int | None = None) -> bool:
        """Complete the session under a new identifier after a second factor was verified.

        Args:
            new_session: identifier of the session from now on (32 bytes).
            factor: the factor.
            step: time step of the code, for a code app.
            counter: number of signatures, for a passkey.

        Returns:
            False when the code was used before, the passkey's counter did not grow, or the session is over.
        """
        values = (self._session, new_session, factor, step, counter)
        return bool(self._ledger.without_region("select overstap.school_pass(%s, %s, %s, %s, %s)", *values)[0][0])

    def recovers(self, new_session: bytes, code: bytes) -> int | None:
        """Complete the session with a recovery code, which is then gone; the school is told by mail.

        Args:
            new_session: identifier of the session from now on (32 bytes).
            code: `recovery_hash` of the code.

        Returns:
            Number of codes left; None when there is no such code.
        """
        values = (self._session, new_session, code)
        left: int | None = self._ledger.without_region("select overstap.school_pass_recovery(%s, %s, %s)", *values)[0][
            0
        ]
        return left

    def begin_totp(self, region: str, factor: UUID, name: str, secret: str) -> bool:
        """Store the secret of a code app, which counts after `confirm`; return False when that may not be done now.

        Args:
            region: the account's region.
            factor: new id.
            name: what its owner calls it.
            secret: in Base32.
        """
        sealed = self._ledger.keys(region).encrypt(secret.encode(), f"factor/{factor}")
        values = (self._session, factor, name, sealed.key_id, sealed.data)
        return bool(
            self._ledger.without_region("select overstap.school_factor_begin(%s, %s, %s, %s, %s)", *values)[0][0]
        )

    def confirm(
        self,
        new_session: bytes,
        factor: UUID,
        codes: Sequence[bytes],
        *,
        step: int | None = None,
        passkey: NewPasskey | None = None,
    ) -> bool | None:
        """Put a second factor into use; sessions elsewhere end, and this one has a new identifier.

        Args:
            new_session: identifier of the session from now on (32 bytes).
            factor: id of the code app, or new id of the passkey.
            codes: hashes of recovery codes, stored with the account's first factor.
            step: time step of the code that was shown, for a code app.
            passkey: the passkey.

        Returns:
            Whether the recovery codes were stored; None when the factor was not put into use.
        """
        values = (
            self._session,
            new_session,
            factor,
            step,
            *((passkey.name, passkey.credential, passkey.public_key, passkey.counter) if passkey else (None,) * 4),
            list(codes),
        )
        stored: bool | None = self._ledger.without_region(
            "select overstap.school_factor_confirm(%s, %s, %s, %s::bigint, %s, %s::bytea, %s::bytea, %s::bigint, %s)",
            *values,
        )[0][0]
        return stored

    def remove(self, factor: UUID, *, needs_factor: bool) -> str:
        """Remove a second factor; return "done", or why not: "last", "none" or "stale".

        Args:
            factor: the factor.
            needs_factor: whether this deployment requires a second factor.
        """
        values = (self._session, factor, needs_factor)
        return str(self._ledger.without_region("select overstap.school_factor_remove(%s, %s, %s)", *values)[0][0])

    def renew_codes(self, codes: Sequence[bytes]) -> bool:
        """Replace the recovery codes by those with these hashes; return False when that may not be done now."""
        values = (self._session, list(codes))
        return bool(self._ledger.without_region("select overstap.school_recovery_renew(%s, %s)", *values)[0][0])

    def begin_proof(self) -> str | None:
        """Record an attempt to prove the password again; return its hash, or None when the session is over."""
        found: str | None = self._ledger.without_region("select overstap.school_prove_try(%s)", self._session)[0][0]
        return found

    def prove(self, proven: str) -> bool:
        """Record that the password was verified against this hash; return False when it has another one by now."""
        return bool(self._ledger.without_region("select overstap.school_prove(%s, %s)", self._session, proven)[0][0])
