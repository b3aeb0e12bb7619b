"""Comparison of sealing and opening with `age` and `gpg` on the same files."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from overstap.pki import KeyKind
from overstap_tools.bench.delivery import SealingRates

_GPG = {KeyKind.P256: "nistp256", KeyKind.RSA3072: "rsa3072", KeyKind.RSA4096: "rsa4096"}


def measure_age(dossiers: Sequence[bytes]) -> SealingRates | None:
    """Measure `age` (X25519, unsigned: it proves no origin), or return None where it is not installed."""
    age, keygen = shutil.which("age"), shutil.which("age-keygen")
    if age is None or keygen is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder) / "key"
        subprocess.run([keygen, "-o", str(key)], check=True, capture_output=True)  # noqa: S603
        public = _run([keygen, "-y", str(key)], b"").decode().strip()
        return _measured(
            "age (X25519, unsigned)",
            KeyKind.P256,
            dossiers,
            lambda content: _run([age, "-r", public], content),
            lambda content: _run([age, "-d", "-i", str(key)], content),
        )


def measure_gpg(dossiers: Sequence[bytes], kind: KeyKind) -> SealingRates | None:
    """Measure `gpg`, signing and encrypting with keys of a kind, or return None where it is not installed."""
    gpg = shutil.which("gpg")
    if gpg is None:
        return None
    with tempfile.TemporaryDirectory() as folder:  # short: gpg's agent has a socket in it
        home = ["--homedir", folder, "--batch", "--quiet", "--no-tty", "--trust-model", "always"]
        unprotected = ["--pinentry-mode", "loopback", "--passphrase", ""]
        for who in ("sender", "receiver"):
            _run([gpg, *home, *unprotected, "--quick-gen-key", f"{who}@example.org", _GPG[kind], "sign", "1d"], b"")
            listed = _run([gpg, *home, "--with-colons", "--list-keys", f"{who}@example.org"], b"").decode()
            print_of = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))
            _run([gpg, *home, *unprotected, "--quick-add-key", print_of, _GPG[kind], "encr", "1d"], b"")
        how = ["--sign", "--encrypt", "-u", "sender@example.org", "-r", "receiver@example.org"]
        try:
            return _measured(
                "gpg",
                kind,
                dossiers,
                lambda content: _run([gpg, *home, *unprotected, *how], content),
                lambda content: _run([gpg, *home, *unprotected, "--decrypt"], content),
            )
        finally:
            stop = shutil.which("gpgconf")
            if stop:
                subprocess.run([stop, "--homedir", folder, "--kill", "all"], check=False)  # noqa: S603


def _run(command: Sequence[str], given: bytes) -> bytes:
    environment = os.environ | {"LC_ALL": "C"}
    return subprocess.run(command, input=given, capture_output=True, check=True, env=environment).stdout  # noqa: S603


def _measured(
    program: str,
    kind: KeyKind,
    dossiers: Sequence[bytes],
    seal: Callable[[bytes], bytes],
    open_one: Callable[[bytes], bytes],
) -> SealingRates:
    begin = time.perf_counter()
    sealed = [seal(one) for one in dossiers]
    between = time.perf_counter()
    opened = [open_one(one) for one in sealed]
    end = time.perf_counter()
    if opened != list(dossiers):
        raise RuntimeError(f"{program} gave back something else")
    size = sum(map(len, sealed)) // len(sealed)
    return SealingRates(program, kind, len(dossiers) / (between - begin), len(dossiers) / (end - between), size)
