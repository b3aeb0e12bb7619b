"""Signing in with the organisation's own accounts, at a real provider, through Airflow's own login pages."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from overstap.errors import OverstapError
from overstap.settings import Settings

from . import signin
from .provider import CLIENT, SECRET, Provider
from .stage import ALFA, Stage


def sign_in(stage: Stage, provider: Provider, **more: str) -> dict[str, object]:
    settings = {
        "OVERSTAP_OIDC_ISSUER": provider.issuer,
        "OVERSTAP_OIDC_CLIENT": CLIENT,
        "OVERSTAP_OIDC_SECRET": SECRET,
        # The provider of this test speaks HTTP, on this machine alone.
        "AUTHLIB_INSECURE_TRANSPORT": "1",
    }
    done = subprocess.run(
        [sys.executable, str(Path(signin.__file__))],
        env=stage.airflow.env | settings | more,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.boot
def test_who_is_named_in_an_agreement_signs_in_and_nobody_else(stage: Stage) -> None:
    account = stage.coordinator(ALFA)
    with Provider({"preferred_username": account, "email": "x@example.org"}) as provider:
        told = sign_in(stage, provider)
        assert told["user"] is not None
        assert "code_challenge_method=S256" in str(told["asked"])
        provider.claims = {"preferred_username": "somebody.else"}
        assert sign_in(stage, provider)["user"] is None
        # The right name, signed by somebody else's key.
        provider.claims = {"preferred_username": account}
        provider.signs_with = rsa.generate_private_key(65537, 2048)
        assert sign_in(stage, provider)["user"] is None


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
