"""Reasons for which an envelope is refused: one for the outside, a precise one inside.

A sender who could tell "wrong key" from "wrong padding" from "wrong signature" could use a receiver as an oracle; the
receiver's administrator needs just that distinction. So the error's code and sentences are always the same, and
`reason` goes to the log of who opens.
"""

from enum import StrEnum

from overstap.errors import OverstapError


class OpeningFailure(StrEnum):
    """The precise reasons. Each has at least one test vector of its name in tests/vectors/envelope."""

    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    """Not the DER of this format: other fields, other order, other lengths, more behind it."""
    NOT_AUTHENTICATED = "not_authenticated"
    """Another content type than AuthEnvelopedData, such as EnvelopedData with CBC."""
    ALGORITHM = "algorithm"
    """An algorithm, parameter or version that the format does not have."""
    RECIPIENTS = "recipients"
    """Not exactly one recipient."""
    NOT_FOR_THIS_KEY = "not_for_this_key"
    """Sealed for a certificate whose key is not in the key ring."""
    DECRYPTION = "decryption"
    """Wrapped key, ciphertext or tag do not fit together: something was changed."""
    NOT_SIGNED = "not_signed"
    SIGNED_ATTRIBUTES = "signed_attributes"
    """One is missing, doubled, unknown, or does not fit the content or the certificate."""
    SIGNATURE = "signature"
    SIGNER = "signer"
    """The signature is right, but its certificate may not sign (see the error that caused this one)."""
    PACKAGE = "package"
    """The ZIP inside is not of the form agreed: paths, doubles, links, too many or too large files."""
    MANIFEST = "manifest"
    """The manifest is missing or not by its schema, or the files are not those it names."""
    FORMAT_VERSION = "format_version"
    SENDER = "sender"
    """The manifest names another sender than who signed."""
    RECIPIENT = "recipient"
    """The manifest names another recipient: somebody sealed it again for this school."""
    TOO_OLD = "too_old"
    FROM_THE_FUTURE = "from_the_future"
    MESSAGE_ID = "message_id"
    """The envelope came under another message id than its own."""


class EnvelopeError(OverstapError):
    """An envelope was not accepted.

    Args:
        reason: the precise reason, for the log of who opens; never part of an answer.
    """

    def __init__(self, reason: OpeningFailure) -> None:
        super().__init__("DELIVERY-001")
        self.reason = reason

    def __reduce__(self) -> tuple[type["EnvelopeError"], tuple[OpeningFailure]]:
        """Let the error cross a process boundary with its reason."""
        return (EnvelopeError, (self.reason,))
