"""Signing in with the organisation's own accounts, at a real provider, through Airflow's own login pages."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from overstap.errors import OverstapError
from overstap.settings import Settings

from . import signin
from .provider import CLIENT, SECRET, Provider
from .stage import ALFA, Stage


@contextmanager
def at_airflow(stage: Stage, provider: Provider, folder: Path) -> Iterator[Callable[[], dict[str, Any]]]:
    """Give a function that signs in at Airflow's pages, in a process that has loaded them once."""
    settings = {
        "OVERSTAP_OIDC_ISSUER": provider.issuer,
        "OVERSTAP_OIDC_CLIENT": CLIENT,
        "OVERSTAP_OIDC_SECRET": SECRET,
        # The provider of this test speaks HTTP, on this machine alone.
        "AUTHLIB_INSECURE_TRANSPORT": "1",
    }
    log = folder / "signin.log"
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(
            [sys.executable, str(Path(signin.__file__))],
            env=stage.airflow.env | settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        asking, answers = process.stdin, process.stdout
        assert asking is not None
        assert answers is not None

        def sign_in() -> dict[str, Any]:
            print(file=asking, flush=True)
            said = next((line for line in answers if line.startswith('{"asked"')), None)
            assert said is not None, log.read_text(encoding="utf-8")[-3000:]
            told: dict[str, Any] = json.loads(said)
            return told

        yield sign_in


@pytest.mark.boot
def test_who_is_named_in_an_agreement_signs_in_and_nobody_else(stage: Stage, tmp_path: Path) -> None:
    account = stage.coordinator(ALFA)
    with (
        Provider({"preferred_username": account, "email": "x@example.org"}) as provider,
        at_airflow(stage, provider, tmp_path) as sign_in,
    ):
        told = sign_in()
        assert told["user"] is not None
        assert "code_challenge_method=S256" in told["asked"]
        provider.claims = {"preferred_username": "somebody.else"}
        assert sign_in()["user"] is None
        # The right name, signed by somebody else's key.
        provider.claims = {"preferred_username": account}
        provider.signs_with = rsa.generate_private_key(65537, 2048)
        assert sign_in()["user"] is None
        # Nothing of those before stays: the right name and the right key once more.
        provider.signs_with = provider.key
        assert sign_in()["user"] == told["user"]


def test_without_a_provider_people_sign_in_by_password() -> None:
    from flask_appbuilder.const import AUTH_DB, AUTH_OAUTH

    # Here, and not where each process that collects the tests would load Airflow's sign-in
    from overstap.orchestration.signin import configuration

    assert configuration(Settings())["AUTH_TYPE"] == AUTH_DB
    assert configuration(Settings(oidc_issuer=""))["AUTH_TYPE"] == AUTH_DB
    made = configuration(Settings(oidc_issuer="https://id.example.nl/", oidc_client="x", oidc_secret="y"))
    assert made["AUTH_TYPE"] == AUTH_OAUTH
    assert made["AUTH_USER_REGISTRATION"] is False
    [provider] = made["OAUTH_PROVIDERS"]
    assert provider["remote_app"]["server_metadata_url"] == "https://id.example.nl/.well-known/openid-configuration"
    with pytest.raises(OverstapError, match="OVERSTAP_OIDC_SECRET"):
        configuration(Settings(oidc_issuer="https://id.example.nl", oidc_client="x"))
