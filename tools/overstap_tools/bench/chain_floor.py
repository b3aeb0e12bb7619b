"""Lower bound for the benchmark of the chain: time of the libraries alone for the same dossiers.

Per dossier: the XML parsed and written canonically (sealing reads a beginning only); AES-GCM to keep it and to open it;
ISA-L for the package; CMS SignedData as `cryptography` makes it, a key agreement and AES-GCM for the envelope, and the
signature, the agreement and the content at the receiver (the library reads no CMS, so that is not in it); a signed
receipt, verified; HTTPS requests to an endpoint that does nothing, with as many envelopes as ours takes at once; four
files in a folder, all of such a request synced together, the folders too; in PostgreSQL three rows inserted and five
updates, in groups. Where the official files are at hand, the schema once, which parses again; and the
sheet of the profile once (`SHEET`), whose rules the chain judges too. The sheet is the dearest part and the one that a
reader may leave out, so the benchmark prints both ratios. All of it is measured in processor time, since a busy machine
stretches every other clock.
"""

import http.client
import os
import ssl
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import pkcs7
from isal import isal_zlib
from lxml import etree

from overstap.clock import now
from overstap.pki import SigningIdentity
from overstap.receiver.endpoint import AT_ONCE
from overstap.simulation.sandbox import Sandbox
from overstap_tools.bench import processors
from overstap_tools.bench.floor import COUNT_HEADER

GROUP = 100
"""Rows per statement and transaction."""
UPDATES = 5
"""Times that a dossier's row changes on its way from supplied to confirmed."""
SCHEMA, SHEET = "schema (lxml)", "official sheet (Saxon)"
_RECEIPT = b"\0" * 2_000
_SIGNED = ec.ECDSA(hashes.SHA256())
_TABLE = "create table public.floor (id bigint, part int, state int, content bytea, primary key (id, part))"


def measure(
    sandbox: Sandbox,
    region: str,
    address: str,
    endpoint: psutil.Process,
    files: Sequence[Path],
    official: Mapping[str, Callable[[bytes], None]] | None = None,
) -> dict[str, float]:
    """Return the processor seconds of each part.

    Args:
        sandbox: the sandbox; the region's conductor has a certificate there.
        region: region id.
        address: of an endpoint that does nothing (`floor`).
        endpoint: its process.
        files: the dossiers.
        official: the official schema and sheet, each as a function of a dossier, by what the part is called.
    """
    contents = [path.read_bytes() for path in files]
    sealed: list[bytes] = []
    postgres = [processors.server(sandbox.owner_dsn)]
    own = {
        "parsing and writing (lxml)": lambda: _parse(contents),
        "keys, seals, packages (cryptography, ISA-L)": lambda: sealed.extend(_seal(sandbox, region, contents)),
    }
    spent = {name: _cpu(work) for name, work in own.items()}
    spent["files of a receiver, synced (os)"] = _cpu(lambda: _store(sandbox.folder, contents, sealed))
    for name, program in (official or {}).items():
        program(contents[0])  # compiles the schema, the sheet
        spent[name] = _cpu(lambda judge=program: [judge(content) for content in contents])  # type: ignore[misc]
    before = processors.seconds([endpoint])
    spent["HTTPS (http.client, uvicorn)"] = _cpu(lambda: _post(sandbox, region, address, sealed))
    spent["HTTPS (http.client, uvicorn)"] += processors.seconds([endpoint]) - before
    before = processors.seconds(postgres)
    spent["PostgreSQL (psycopg)"] = _cpu(lambda: _write(sandbox, contents, sealed))
    spent["PostgreSQL (psycopg)"] += processors.seconds(postgres) - before
    return spent


def _cpu(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def _parse(contents: Sequence[bytes]) -> None:
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    for content in contents:
        root = etree.fromstring(content, parser)
        etree.tostring(root, method="c14n", exclusive=True)


def _seal(sandbox: Sandbox, region: str, contents: Sequence[bytes]) -> list[bytes]:
    signer = sandbox.trust_store().conductor_signing(region, at=now())
    receiver = ec.generate_private_key(ec.SECP256R1())
    kept = AESGCM(os.urandom(32))
    own = ec.generate_private_key(ec.SECP256R1())
    made, receipt = own.sign(contents[0], _SIGNED), own.sign(_RECEIPT, _SIGNED)
    found = []
    for content in contents:
        nonce = os.urandom(12)
        opened = kept.decrypt(nonce, kept.encrypt(nonce, content, None), None)
        packed = isal_zlib.compress(opened, 1)
        signed = _signed(signer, packed)
        ephemeral = ec.generate_private_key(ec.SECP256R1())
        sealed = _agreed(ephemeral, receiver.public_key()).encrypt(nonce, signed, None)
        _agreed(receiver, ephemeral.public_key()).decrypt(nonce, sealed, None)
        own.public_key().verify(made, contents[0], _SIGNED)
        isal_zlib.decompress(packed)
        _signed(signer, _RECEIPT)
        own.public_key().verify(receipt, _RECEIPT, _SIGNED)
        found.append(sealed)
    return found


def _signed(signer: SigningIdentity, content: bytes) -> bytes:
    """Return CMS SignedData around content, as the library makes it."""
    builder = pkcs7.PKCS7SignatureBuilder().set_data(content)
    key: Any = signer.key
    return builder.add_signer(signer.certificate, key, hashes.SHA256()).sign(
        serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary]
    )


def _agreed(mine: ec.EllipticCurvePrivateKey, other: ec.EllipticCurvePublicKey) -> AESGCM:
    shared = mine.exchange(ec.ECDH(), other)
    return AESGCM(HKDF(hashes.SHA256(), 32, None, b"floor").derive(shared))


def _store(folder: Path, contents: Sequence[bytes], sealed: Sequence[bytes]) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as home:
        for begin in range(0, len(sealed), AT_ONCE.count):
            handles = []
            folders = []
            group = zip(contents, sealed, strict=True)
            for number, (content, envelope) in enumerate(islice(group, begin, begin + AT_ONCE.count), begin):
                folders.append(Path(home, f"{number}.new"))
                folders[-1].mkdir()
                for part, data in enumerate((content, envelope, _RECEIPT, _RECEIPT)):
                    handles.append(os.open(folders[-1] / f"{part}", os.O_WRONLY | os.O_CREAT))
                    os.write(handles[-1], data)
                handles.append(os.open(folders[-1], os.O_RDONLY))
            for handle in handles:
                os.fsync(handle)
                os.close(handle)
            for one in folders:
                one.rename(one.with_suffix(""))
            above = os.open(home, os.O_RDONLY)
            os.fsync(above)
            os.close(above)


def _post(sandbox: Sandbox, region: str, address: str, sealed: Sequence[bytes]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    sandbox.trust_store().conductor_identity(region, at=now()).load_into(context)
    where = urlsplit(address)
    connection = http.client.HTTPSConnection(str(where.hostname), where.port, context=context)
    for begin in range(0, len(sealed), AT_ONCE.count):
        group = sealed[begin : begin + AT_ONCE.count]
        connection.request("POST", where.path, b"".join(group), {COUNT_HEADER: str(len(group))})
        connection.getresponse().read()
    connection.close()


def _write(sandbox: Sandbox, contents: Sequence[bytes], sealed: Sequence[bytes]) -> None:
    insert = "insert into public.floor select i, %s, 0, c from unnest(%b::bigint[], %b::bytea[]) as t (i, c)"
    with psycopg.connect(sandbox.owner_dsn, autocommit=True) as connection:
        connection.execute(_TABLE)
        for begin in range(0, len(contents), GROUP):
            ids = list(range(begin, min(begin + GROUP, len(contents))))
            parts = ([contents[at] for at in ids], [sealed[at] for at in ids], [_RECEIPT] * len(ids))
            for part, rows in enumerate(parts):
                connection.execute(insert, [part, ids, rows])
            for _ in range(UPDATES):
                connection.execute(
                    "update public.floor set state = state + 1 where part = 0 and id = any(%b::bigint[])", [ids]
                )
        connection.execute("drop table public.floor")
