"""Makes the test vectors of results, certificates and all: python tests/vectors/results/generate.py.

`<verdict>.<what is so or what is wrong>.cms`; `vectors.json` says per file in what kind of round it came, and the error
code that it must give, or none. `trust/` holds certificates and revocation lists; the keys are not kept.
"""

import json
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from overstap.envelope.result import _CODES, Rejection, ResultOutcome, make_result
from overstap.envelope.signing import sign
from overstap.pki import TrustStore, make_development_certificates

HERE = Path(__file__).resolve().parent
AT = datetime(2026, 3, 12, 15, 0, tzinfo=UTC)
MESSAGE, OTHER = UUID("019ce28f-c980-7000-8000-000000000000"), UUID("019ce28f-c980-7000-8000-000000000001")
DIGEST = b"\xaa" * 32
SCHOOL, ANOTHER = "98XA00", "98XB00"


def vectors(folder: Path) -> dict[str, tuple[bytes, str]]:
    """Return each vector with the kind of round it is judged in."""
    trust = TrustStore(folder, production=False)
    school, another = trust.signing_identity(SCHOOL, at=AT), trust.signing_identity(ANOTHER, at=AT)
    usual = {"message_id": MESSAGE, "envelope_sha256": DIGEST, "at": AT}

    def made(outcome: ResultOutcome, who=school, **other: object) -> bytes:
        return make_result(who, outcome=outcome, **(usual | other))  # type: ignore[arg-type]

    good = made(ResultOutcome.IMPORTED)
    fields = {
        "format": "overstap-result/1",
        "message_id": str(MESSAGE),
        "envelope_sha256": DIGEST.hex(),
        "outcome": "imported",
        "reason": None,
        "stated_at": "2026-03-12T15:00:00Z",
        "receiver": {"oin": school.oin, "school": SCHOOL},
        "software": "test",
    }

    def written(who=school, at: datetime = AT, **other: object) -> bytes:
        return sign(json.dumps(fields | other).encode(), who, at=at)

    signature = bytearray(good)
    signature[-1] ^= 1
    found = {
        "good.imported": good,
        "good.rejected": made(ResultOutcome.REJECTED, reason=Rejection.PUPIL_UNKNOWN),
        "malformed.empty": b"",
        "malformed.text": b"imported",
        "malformed.not_json": sign(b"imported", school, at=AT),
        "malformed.unknown_field": written(remark="the parents moved"),
        "malformed.rejected_without_reason": written(outcome="rejected"),
        "malformed.imported_with_reason": written(reason="other"),
        "malformed.unknown_outcome": written(outcome="lost"),
        "malformed.unknown_reason": written(outcome="rejected", reason="because"),
        "malformed.another_format": written(format="overstap-receipt/1"),
        "malformed.too_long": written(software="x" * 70_000),
        "signature.changed": bytes(signature),
        "receiver.signed_by_another_school": made(ResultOutcome.IMPORTED, another),
        "receiver.speaks_for_another_school": written(receiver={"oin": another.oin, "school": ANOTHER}),
        "message.another": made(ResultOutcome.IMPORTED, message_id=OTHER),
        "digest.another": made(ResultOutcome.IMPORTED, envelope_sha256=bytes(32)),
        "time.tomorrow": made(ResultOutcome.IMPORTED, at=AT + timedelta(days=1)),
        "time.other_than_signed": written(at=AT + timedelta(seconds=1)),
    }
    placement = {
        "good.placed": made(ResultOutcome.PLACED),
        "good.not_placed": made(ResultOutcome.NOT_PLACED),
        "good.not_shown_up": made(ResultOutcome.NOT_SHOWN_UP),
    }
    return (
        {name: (data, "advice") for name, data in found.items()}
        | {name: (data, "placement") for name, data in placement.items()}
        | {"round.placed_in_another": (placement["good.placed"], "advice")}
    )


def main() -> None:
    """Write them all anew."""
    for old in HERE.glob("*.cms"):
        old.unlink()
    shutil.rmtree(HERE / "trust", ignore_errors=True)
    index = []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        make_development_certificates(folder, schools=[SCHOOL, ANOTHER], at=AT)
        for name, (data, kind) in vectors(folder).items():
            (HERE / f"{name}.cms").write_bytes(data)
            index.append({"file": f"{name}.cms", "round": kind, "code": _CODES.get(name.partition(".")[0])})
        shutil.copytree(folder / "ca", HERE / "trust" / "ca", ignore=shutil.ignore_patterns("*.key"))
    about = {"at": "2026-03-12T15:00:00Z", "message_id": str(MESSAGE)}
    about |= {"envelope_sha256": DIGEST.hex(), "receiver": SCHOOL}
    (HERE / "vectors.json").write_text(json.dumps(about | {"vectors": index}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
