"""Tests of bounces as mail systems, gateways and people send them: failures are recorded, unclear ones listed."""

# ruff: noqa: E501 - mails stand here as they are sent

import base64
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overstap.notifications.bounces import (
    MAX_BYTES,
    Bounce,
    NotABounce,
    UnclearBounce,
    UnclearReason,
    read_bounce,
    read_bounces,
)

CASES = Path(__file__).resolve().parents[4] / "shared" / "cases" / "bounces"
MAIL = UUID("0190f5c2-1111-7222-8333-444455556666")
COPY = (
    f"From: overstap@regio.example.nl\nTo: ouder@example.org\nMessage-ID: <{MAIL}@regio.example.nl>\nSubject: Dossier\n"
)
STATUS = (
    "Reporting-MTA: dns; mx.example.nl\nArrival-Date: Sun, 1 Nov 2026 10:00:00 +0100\n\n"
    "Final-Recipient: rfc822; ouder@example.org\nAction: {action}\nStatus: {status}\n"
)


def report(
    action: str = "failed",
    status: str = "5.1.1",
    *,
    status_part: str | None = None,
    status_type: str = "message/delivery-status",
    copy: str = COPY + "\nTekst\n",
    copy_type: str = "message/rfc822",
    status_encoding: str = "7bit",
    copy_encoding: str = "7bit",
    head: str = "",
) -> bytes:
    """Return a report (RFC 3464), put together by hand: what is sent is seldom what a library would write."""
    told = STATUS.format(action=action, status=status) if status_part is None else status_part

    def coded(text: str, encoding: str) -> str:
        return base64.encodebytes(text.encode()).decode() if encoding == "base64" else text

    return (
        "From: MAILER-DAEMON@mx.example.nl\nTo: overstap@regio.example.nl\nSubject: Undeliverable\nMIME-Version: 1.0\n"
        f"{head}Content-Type: multipart/report; report-type=delivery-status; boundary=B\n\n"
        "--B\nContent-Type: text/plain\n\nNiet bezorgd.\n"
        f"--B\nContent-Type: {status_type}\nContent-Transfer-Encoding: {status_encoding}\n\n{coded(told, status_encoding)}\n"
        f"--B\nContent-Type: {copy_type}\nContent-Transfer-Encoding: {copy_encoding}\n\n{coded(copy, copy_encoding)}\n--B--\n"
    ).encode()


@pytest.mark.skipif(not CASES.is_dir(), reason="../shared/cases is not beside this checkout")
@pytest.mark.parametrize(
    ("file", "status"),
    [
        ("Postfix_expired_in_queue_failed_4.4.1.eml", "4.4.1"),
        ("headers_in_base64.eml", "5.1.1"),
        ("wrapped_in_multipart-mixed_by_a_gateway.eml", "5.1.1"),
    ],
)
def test_what_failed_before_is_seen(file: str, status: str) -> None:
    assert read_bounce((CASES / file).read_bytes()) == Bounce(MAIL, status)


@pytest.mark.parametrize("status", ["4.4.1", "4.4.7", "4.2.2", "4.0.0", "5.1.1", "5.7.133", "5.4.14"])
def test_whatever_failed_counts_also_after_days(status: str) -> None:
    """RFC 3464 clause 2.3.3: `failed` says that no more attempts will be made, whatever the class of the status."""
    assert read_bounce(report(status=status)) == Bounce(MAIL, status)


@pytest.mark.parametrize("action", ["delayed", "relayed", "delivered", "expanded", "Delayed (still trying)"])
def test_what_did_not_fail_is_no_bounce(action: str) -> None:
    assert read_bounce(report(action=action, status="4.4.1" if "elay" in action else "2.0.0")) is None


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("failed", "5.1.1 (bad destination mailbox address)"),
        ("failed (delivery failed)", "5.1.1"),
        ("Failed", "5.1.1 (a (nested) comment: 4.0.0)"),
        (" failed\t", "  5.1.1  "),
        ("failed", "(user unknown) 5.1.1"),
    ],
)
def test_comments_say_nothing(action: str, status: str) -> None:
    assert read_bounce(report(action=action, status=status)) == Bounce(MAIL, "5.1.1")


FIELDS = {
    "folded": "Final-Recipient: rfc822;\n ouder@example.org\nAction:\n failed\nStatus:\n\t5.1.1\n",
    "CRLF": STATUS.format(action="failed", status="5.1.1").replace("\n", "\r\n"),
    "a block of no recipient more": "Reporting-MTA: dns; x\n\n\nX-Queue: 1\n\nFinal-Recipient: rfc822; a@b.nl\nAction: failed\nStatus: 5.1.1",
    "two recipients, of which the first was told": (
        "Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@b.nl\nAction: relayed\nStatus: 2.0.0\n\n"
        "Final-Recipient: rfc822; c@d.nl\nAction: failed\nStatus: 5.1.1\n"
    ),
    "status in the diagnostic code alone": (
        "Final-Recipient: rfc822; a@b.nl\nAction: failed\nDiagnostic-Code: smtp; 550 5.1.1 No such user\n"
    ),
    "no action, as some old systems": "Final-Recipient: rfc822; a@b.nl\nStatus: 5.1.1\n",
    "capitals": "FINAL-RECIPIENT: rfc822; a@b.nl\nACTION: FAILED\nSTATUS: 5.1.1\n",
}


@pytest.mark.parametrize("form", FIELDS)
def test_fields_in_any_form(form: str) -> None:
    assert read_bounce(report(status_part=FIELDS[form])) == Bounce(MAIL, "5.1.1")


def test_a_failure_without_a_status_counts() -> None:
    assert read_bounce(report(status_part="Final-Recipient: rfc822; a@b.nl\nAction: failed\n")) == Bounce(MAIL, "5.0.0")


@pytest.mark.parametrize("encoding", ["7bit", "8bit", "base64"])
@pytest.mark.parametrize(
    "kind", ["message/delivery-status", "message/global-delivery-status", "MESSAGE/Delivery-Status"]
)
def test_a_status_part_of_any_kind_and_encoding(kind: str, encoding: str) -> None:
    """RFC 6533: the international form, which may be encoded as the older one may not."""
    part = STATUS.format(action="failed", status="5.1.1").replace("rfc822; ouder", "utf-8; zoë")
    assert read_bounce(report(status_part=part, status_type=kind, status_encoding=encoding)) == Bounce(MAIL, "5.1.1")


@pytest.mark.parametrize("encoding", ["7bit", "base64"])
@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"])
def test_a_copy_of_any_kind_and_encoding(kind: str, encoding: str) -> None:
    assert read_bounce(report(copy=COPY, copy_type=kind, copy_encoding=encoding)) == Bounce(MAIL, "5.1.1")


def test_quoted_printable_is_undone() -> None:
    copy = COPY.replace("Message-ID: <0190", "Message-ID: =3C0190").replace("nl>\nSubject", "nl=3E\nSubject")
    found = read_bounce(report(copy=copy, copy_type="text/rfc822-headers", copy_encoding="quoted-printable"))
    assert found == Bounce(MAIL, "5.1.1")


def wrapped(inner: bytes, kind: str) -> bytes:
    if kind == "forwarded as an attachment":
        return (
            b"From: kantoor@school.nl\nContent-Type: multipart/mixed; boundary=W\n\n--W\n\nZie bijlage\n--W\nContent-Type: message/rfc822\n\n"
            + inner
            + b"\n--W--\n"
        )
    subtype = kind.encode()
    return (
        b"From: MAILER-DAEMON@mx.nl\nContent-Type: multipart/"
        + subtype
        + b"; boundary=W\n\n--W\n"
        + inner[inner.index(b"Content-Type: multipart/report") :]
        + b"\n--W\nContent-Type: text/plain\n\nVirusscanner.\n--W--\n"
    )


@pytest.mark.parametrize("kind", ["mixed", "related", "alternative", "signed", "forwarded as an attachment"])
def test_whatever_a_gateway_wrapped_it_in(kind: str) -> None:
    assert read_bounce(wrapped(report(), kind)) == Bounce(MAIL, "5.1.1")


def test_the_mail_is_known_by_what_it_answers_too() -> None:
    """Exchange and Google name our mail in the report's own head, and leave its copy out."""
    head = f"In-Reply-To: <{MAIL}@regio.example.nl>\nReferences: <x@y> <{MAIL}@regio.example.nl>\n"
    assert read_bounce(report(copy="Subject: x\n", head=head)) == Bounce(MAIL, "5.1.1")


EXIM = (
    "From: Mail Delivery System <Mailer-Daemon@mx.nl>\nAuto-Submitted: auto-replied\nX-Failed-Recipients: ouder@example.org\n"
    f"Subject: Mail delivery failed\n\nThis is a permanent error.\n\n------ This is a copy of the message ------\n\n{COPY}\nx\n"
)
QMAIL = (
    "From: MAILER-DAEMON@mx.nl\nSubject: failure notice\n\nHi. This is the qmail-send program at mx.nl.\nI'm afraid I wasn't able "
    f"to deliver your message.\n\n<ouder@example.org>:\nSorry, no mailbox here.\n\n--- Below this line is a copy.\n\n{COPY}\nx\n"
)


@pytest.mark.parametrize("text", [EXIM, QMAIL])
def test_older_forms_that_say_failed(text: str) -> None:
    assert read_bounce(text.encode()) == Bounce(MAIL, "5.0.0")


UNCLEAR = {
    "a failure of a mail that is not ours": (report(copy=COPY.replace(str(MAIL), "other")), UnclearReason.NOT_OURS),
    "a report without a copy": (report(copy=""), UnclearReason.NOT_OURS),
    "a report without a status": (report(status_part=""), UnclearReason.NO_VERDICT),
    "an action nobody knows": (report(action="verloren"), UnclearReason.NO_VERDICT),
    "a passing status, no action": (
        report(status_part="Final-Recipient: rfc822; a@b\nStatus: 4.4.1\n"),
        UnclearReason.NO_VERDICT,
    ),
    "words of a mail system": (
        b"From: postmaster@x.nl\nSubject: Onbestelbaar\n\nUw mail kwam niet aan.\n",
        UnclearReason.NO_VERDICT,
    ),
    "an empty return path": (
        b"Return-Path: <>\nFrom: x@y.nl\nSubject: Fout\n\nHet lukte niet.\n",
        UnclearReason.NO_VERDICT,
    ),
    "nothing": (b"  \n", UnclearReason.UNREADABLE),
    "no mail": (b"\xff\xfenonsense" * 50, UnclearReason.UNREADABLE),
    "parts in parts without end": (
        b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(3_000)),
        UnclearReason.UNREADABLE,
    ),
    "too large": (b"From: x@y.nl\n\n" + b"x" * MAX_BYTES, UnclearReason.TOO_LARGE),
}


@pytest.mark.parametrize("what", UNCLEAR)
def test_what_cannot_be_understood_is_listed(what: str) -> None:
    content, why = UNCLEAR[what]
    assert read_bounce(content) is why


@pytest.mark.parametrize(
    "content",
    [
        b"From: ouder@example.org\nSubject: Re: Dossier\n\nIk heb een vraag.\n",
        b"Return-Path: <>\nAuto-Submitted: auto-replied\nFrom: ouder@example.org\nSubject: Afwezig\n\nIk ben er niet.\n",
    ],
)
def test_what_people_and_answering_machines_send_is_no_report(content: bytes) -> None:
    assert read_bounce(content) is None


def test_every_file_of_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(report())
    (tmp_path / "b.txt").write_bytes(report(status="4.4.7"))
    (tmp_path / "c.eml").write_bytes(report(action="delayed", status="4.4.1"))
    (tmp_path / "d.msg").write_bytes(b"\xd0\xcf\x11\xe0 Outlook")
    (tmp_path / "e").symlink_to(tmp_path / "gone")
    assert list(read_bounces(tmp_path)) == [
        Bounce(MAIL, "5.1.1"),
        Bounce(MAIL, "4.4.7"),
        NotABounce(),
        UnclearBounce("d.msg", UnclearReason.UNREADABLE),
        UnclearBounce("e", UnclearReason.UNREADABLE),
    ]
    box = tmp_path / "box"
    for part in ("cur", "new", "tmp"):
        (box / part).mkdir(parents=True)
    (box / "new" / "1.mx").write_bytes(report())
    (box / "cur" / "2.mx:2,S").write_bytes(EXIM.encode())
    assert list(read_bounces(box)) == [Bounce(MAIL, "5.1.1"), Bounce(MAIL, "5.0.0")]


def test_what_a_library_writes_is_read(tmp_path: Path) -> None:
    """A report as Python's own library writes one, with the copy that it encodes as it likes."""
    inner = EmailMessage()
    inner["Message-ID"] = f"<{MAIL}@regio.example.nl>"
    inner["Subject"] = "Dossier van é"
    inner.set_content("é" * 2_000)
    made = EmailMessage()
    made["From"] = "MAILER-DAEMON@mx.nl"
    made.set_content("Niet bezorgd.")
    made.add_attachment(inner)
    made.add_attachment(
        STATUS.format(action="failed", status="5.2.2").encode(), maintype="application", subtype="octet-stream"
    )
    raw = made.as_bytes().replace(b"application/octet-stream", b"message/delivery-status")
    assert read_bounce(raw) == Bounce(MAIL, "5.2.2")


def _mixed(*parts: tuple[str, bytes], head: bytes = b"From: kantoor@school.nl\nSubject: FW\n") -> bytes:
    body = b"".join(b"--W\nContent-Type: " + kind.encode() + b"\n\n" + data + b"\n" for kind, data in parts)
    return head + b"Content-Type: multipart/mixed; boundary=W\n\n" + body + b"--W--\n"


CODED = "\nContent-Transfer-Encoding: base64"
TWO = "Final-Recipient: rfc822; a@b.nl\nAction: relayed\nStatus: 2.0.0\n"
REWRITTEN = "From: x@y.nl\nMessage-ID: <other@mail.example>\nX-{}-Message-ID: <{}@regio.example.nl>\nSubject: x\n\nt\n"
MORE = {
    "Exchange, two recipients in one block": report(
        status_part=f"{TWO}Final-Recipient: rfc822; c@d.nl\nAction: failed\nStatus: 5.1.1\n"
    ),
    "two in one block, the action first": report(
        status_part="Action: relayed\nStatus: 2.0.0\nFinal-Recipient: rfc822; a@b.nl\n"
        "Action: failed\nStatus: 5.1.1\nFinal-Recipient: rfc822; c@d.nl\n"
    ),
    "a gateway that calls the status text": report(status_type="text/plain; name=details.txt"),
    "a gateway that calls the status a file": report(status_type="application/octet-stream", status_encoding="base64"),
    "forwarded, encoded": _mixed(("message/rfc822" + CODED, base64.encodebytes(report()))),
    "forwarded as a file of Outlook": _mixed(
        ("application/octet-stream; name=bericht.eml" + CODED, base64.encodebytes(report()))
    ),
    "sent through Google": report(copy=REWRITTEN.format("Google-Original", MAIL)),
    "sent through a service": report(copy=REWRITTEN.format("Original", MAIL)),
    "kept by Apple's Mail": b"4711\n" + report() + b'<?xml version="1.0"?><plist/>',
    "with a byte order mark": b"\xef\xbb\xbf" + report(),
    "with empty lines above": b"\r\n\r\n" + report(),
    "from an mbox file": b"From MAILER-DAEMON Sun Nov  1 10:00:00 2026\n" + report(),
    "with CR as line end": report().replace(b"\n", b"\r"),
    "Domino": report(status_part="Final-Recipient: rfc822;a@b.nl\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: X-Notes; no\n"),
}  # fmt: skip


@pytest.mark.parametrize("what", MORE)
def test_more_makes_of_reports(what: str) -> None:
    assert read_bounce(MORE[what]) == Bounce(MAIL, "5.1.1")


def test_several_reports_in_one_mail_or_one_file_are_each_told(tmp_path: Path) -> None:
    sent_along = _mixed(*(("message/rfc822", report(status=status)) for status in ("5.1.1", "5.2.2")))
    (tmp_path / "a.eml").write_bytes(sent_along)
    line = b"From MAILER-DAEMON Sun Nov  1 10:00:00 2026\n"
    quoting = report(copy=COPY + "\nFrom here on it is text, in 2026 too.\n", status="4.4.7")
    (tmp_path / "b.mbox").write_bytes(line + report() + b"\n" + line + quoting + b"\n" + line + b"\xff\n")
    found = list(read_bounces(tmp_path))
    assert [one.status for one in found if isinstance(one, Bounce)] == ["5.1.1", "5.2.2", "5.1.1", "4.4.7"]
    assert [one for one in found if not isinstance(one, Bounce)] == [
        UnclearBounce("b.mbox (3)", UnclearReason.UNREADABLE)
    ]


WITHIN = {
    "Exchange, within the organisation": (
        "From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@school.nl>\nReturn-Path: <>\n"
        "Auto-Submitted: auto-replied\nSubject: Onbestelbaar: Dossier\n\nUw bericht is niet bezorgd.\n"
    ),
    "a provider under another address": (
        'From: "Mail Delivery System" <noreply@provider.nl>\nAuto-Submitted: auto-replied\nSubject: x\n\nmislukt\n'
    ),
    "an encoded subject": (
        "From: x@y.nl\nAuto-Submitted: auto-replied\nSubject: =?utf-8?B?T25iZXN0ZWxiYWFy?=: Dossier\n\nmislukt\n"
    ),
}


@pytest.mark.parametrize("what", WITHIN)
def test_words_of_more_mail_systems_are_listed(what: str) -> None:
    assert read_bounce(WITHIN[what].encode()) is UnclearReason.NO_VERDICT


def test_that_somebody_read_it_is_no_report() -> None:
    """RFC 8098: such a mail has the form of a report and an empty return path."""
    content = (
        "Return-Path: <>\nFrom: ouder@example.org\nSubject: Gelezen: Dossier\n"
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=B\n\n--B\n\nGelezen\n--B\n"
        "Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822;ouder@example.org\n"
        f"Original-Message-ID: <{MAIL}@x.nl>\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--B--\n"
    )
    assert read_bounce(content.encode()) is None


WHOLE = [
    report(), *MORE.values(), *(report(status_part=part) for part in FIELDS.values()), EXIM.encode(), QMAIL.encode(),
    wrapped(report(), "mixed"), wrapped(report(), "forwarded as an attachment"), *(text.encode() for text in WITHIN.values()),
]  # fmt: skip
SENDERS = (
    b"From: MAILER-DAEMON@",
    b"From: Mail Delivery System <Mailer-Daemon@",
    b"From: Microsoft Outlook <MicrosoftExchange",
)


def _is_told(which: int, noise: bytes, place: int, cut: int) -> None:
    """Whatever was damaged: it says what failed, or it is listed; one of a mail system is never passed over."""
    good = WHOLE[which]
    at = place % len(good)
    content = good[:at] + noise + good[at + cut :]
    found = read_bounce(content)
    assert found is None or isinstance(found, Bounce | UnclearReason)
    says_other = b"relayed" in content and b"Action: failed" not in content  # what failed was cut out
    if content.startswith(SENDERS) and at > len(good.splitlines()[0]) and not says_other:
        assert found is not None


DAMAGE = given(
    st.integers(0, len(WHOLE) - 1), st.binary(max_size=40), st.integers(0, 5_000), st.integers(0, 60)
)  # fmt: skip


def test_no_report_is_a_traceback_or_silence(thorough: bool) -> None:
    settings(max_examples=10_000 if thorough else 300)(DAMAGE(_is_told))()


@given(st.binary(max_size=2_000))
def test_no_bytes_are_a_traceback(content: bytes) -> None:
    assert read_bounce(content) is None or isinstance(read_bounce(content), Bounce | UnclearReason)


def test_a_field_with_a_sign_that_is_taken_for_a_line_end() -> None:
    """Found by ten thousand damaged reports: the library reads such a field, and refuses to write it out."""
    content = report().replace(b"\nAction: failed", b"\nX-Note: x\x0bA: b\nAction: failed", 1)
    assert content != report()
    assert read_bounce(content) == read_bounce(report())
