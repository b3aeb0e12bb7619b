"""A region's keys held by the key service: this process asks for each encryption, decryption and hash."""

from dataclasses import dataclass, field

from overstap.errors import OverstapError
from overstap.key_client import KeyClient
from overstap.ledger.region_keys import EncryptedContent, RegionKeys


@dataclass(frozen=True)
class ServiceKeys(RegionKeys):
    """Keys of a region that never are in this process, but for those of one purpose that are made to be handed on.

    Args:
        client: client of the key service.
    """

    client: KeyClient = field(kw_only=True, repr=False)

    @property
    def ids(self) -> frozenset[str]:
        """Raise LEDGER-013: which keys there are is a question for a process that has them."""
        raise OverstapError("LEDGER-013")

    def encrypt(self, content: bytes, bound_to: str, key_id: str | None = None) -> EncryptedContent:
        """Have it encrypted; arguments and errors as of `RegionKeys.encrypt`, KEYS-001 and KEYS-002 of the service."""
        used, data = self.client.ask("encrypt", content, region=self.region, bound_to=bound_to, key_id=key_id or "")
        return EncryptedContent(used, data)

    def decrypt(self, sealed: EncryptedContent, bound_to: str) -> bytes:
        """Have it decrypted; errors as of `RegionKeys.decrypt`, KEYS-001 and KEYS-002 of the service."""
        if not sealed.data:
            raise OverstapError("LEDGER-014", subject=bound_to)
        asked = {"region": self.region, "bound_to": bound_to, "key_id": sealed.key_id}
        return self.client.ask("decrypt", bytes(sealed.data), **asked)[1]

    def lookup(self, kind: str, value: str) -> bytes:
        """Have a value hashed; arguments as of `RegionKeys.lookup`."""
        return self.client.ask("lookup", value.encode(), region=self.region, kind=kind)[1]

    def exponent(self) -> int:
        """Raise LEDGER-013: only a process that has the keys compares with another region."""
        raise OverstapError("LEDGER-013")

    def derived(self, purpose: str) -> tuple[str, bytes]:
        """Return id and bytes of a new access code's key, which is made to go into that person's copy."""
        return self.client.ask("derive", region=self.region, key_id=self.of_purpose(purpose))

    def of_purpose(self, purpose: str) -> str:
        """Return the id of the newest key for a purpose; there can be a newer one since this process began."""
        newest, _ = self.client.ask("newest", region=self.region)
        return f"{newest}~{purpose}"

    def derived_key(self, key_id: str) -> bytes | None:
        """Return the bytes of an access code's key by its id; None when its content key was destroyed."""
        return self.client.ask("derive", region=self.region, key_id=key_id)[1] or None


def keys_by_service(client: KeyClient, region: str) -> ServiceKeys:
    """Return a region's keys.

    Raises:
        OverstapError: KEYS-001 when the service does not answer; LEDGER-001 or LEDGER-005 for the region's keys there.
    """
    newest, _ = client.ask("newest", region=region)
    return ServiceKeys(region, newest, {}, b"", client=client)
