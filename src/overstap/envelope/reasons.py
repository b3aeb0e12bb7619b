"""Reasons for which opening an envelope fails: one error code for senders, a precise reason for the receiver's log.

A sender that could distinguish "wrong key" from "wrong padding" from "wrong signature" could use a receiver as an
oracle; the receiver's administrator needs that distinction. So the error always has the same code and sentences, and
`reason` goes to the receiver's log only.
"""

from enum import StrEnum

from overstap.errors import OverstapError


class OpeningFailure(StrEnum):
    """The precise reason. Each has at least one test vector of its name in tests/vectors/envelope."""

    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    """Not strict DER of this format: other fields, another order, other lengths, or trailing data."""
    NOT_AUTHENTICATED = "not_authenticated"
    """Another content type than AuthEnvelopedData, such as EnvelopedData with CBC."""
    ALGORITHM = "algorithm"
    """An algorithm, parameter or version outside the format."""
    RECIPIENTS = "recipients"
    """Not exactly one recipient."""
    NOT_FOR_THIS_KEY = "not_for_this_key"
    """Encrypted for a certificate whose key is not in the key ring."""
    DECRYPTION = "decryption"
    """Wrapped key, ciphertext and tag do not match: the envelope was changed."""
    NOT_SIGNED = "not_signed"
    SIGNED_ATTRIBUTES = "signed_attributes"
    """A signed attribute is missing, duplicate or unknown, or does not match the content or the certificate."""
    SIGNATURE = "signature"
    SIGNER = "signer"
    """The signature is valid, but the certificate is not permitted to sign (see the cause of the error)."""
    PACKAGE = "package"
    """The ZIP file is not canonical: paths, duplicate names, links, too many or too large files."""
    MANIFEST = "manifest"
    """The manifest is missing, does not conform to its schema, or names other files."""
    FORMAT_VERSION = "format_version"
    SENDER = "sender"
    """The manifest names another sender than the signer."""
    RECIPIENT = "recipient"
    """The manifest names another recipient: the signed content was encrypted again for this school."""
    TOO_OLD = "too_old"
    FROM_THE_FUTURE = "from_the_future"
    MESSAGE_ID = "message_id"
    """The envelope was sent under another message id than the manifest's."""


class EnvelopeError(OverstapError):
    """An envelope or statement was refused.

    Args:
        reason: the precise reason, for the receiver's log; never part of a response.
    """

    def __init__(self, reason: OpeningFailure) -> None:
        super().__init__("DELIVERY-001")
        self.reason = reason

    def __reduce__(self) -> tuple[type["EnvelopeError"], tuple[OpeningFailure]]:
        """Support pickling."""
        return (EnvelopeError, (self.reason,))
