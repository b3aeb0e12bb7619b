"""Tests of sign-in by an identity provider with a second factor in production, against a running provider."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.browser.provider import CLIENT, SECRET, Provider

from overstap.resources import INCLUDE

PROBE = """
import json, sys
import httpx
from airflow.utils.db import initdb
initdb()
from airflow.providers.fab.www.app import create_app
app = create_app(enable_plugins=False)
with app.app_context():
    manager = app.appbuilder.sm
    if not manager.find_user("c.jansen"):
        manager.add_user("c.jansen", "C", "Jansen", "c@example.org", manager.find_role("Viewer"), password="x" * 30)
client = app.test_client()
begun = client.get("/login/oidc")
asked = begun.headers["Location"]
back = httpx.get(asked).headers["location"]
done = client.get("/oauth-authorized/oidc?" + back.partition("?")[2])
with client.session_transaction() as session:
    print("RESULT" + json.dumps({"user": session.get("_user_id"), "asked": asked, "to": done.headers.get("Location")}))
"""


def signs_in(tmp_path: Path, provider: Provider, **settings: str) -> tuple[bool, str, str]:
    """Go the whole way to the provider and back; return whether somebody is signed in, what was asked, and the log."""
    environment = os.environ | {
        "AIRFLOW__FAB__CONFIG_FILE": str(INCLUDE / "airflow" / "webserver_config.py"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
        "AIRFLOW__API__SECRET_KEY": "only in this test",
        "OVERSTAP_OIDC_ISSUER": provider.issuer,
        "OVERSTAP_OIDC_CLIENT": CLIENT,
        "OVERSTAP_OIDC_SECRET": SECRET,
        **settings,
    }
    done = subprocess.run(
        [sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert "RESULT" in done.stdout, done.stderr[-3_000:]
    found = json.loads(done.stdout.split("RESULT")[1])
    return found["user"] is not None, found["asked"], done.stdout + done.stderr


CASES: list[tuple[dict[str, Any], dict[str, str], bool]] = [
    ({"amr": ["pwd"]}, {"OVERSTAP_PRODUCTION": "true"}, False),
    ({"amr": ["pwd", "mfa"]}, {"OVERSTAP_PRODUCTION": "true"}, True),
    ({"amr": ["mfa"], "acr": "level1"}, {"OVERSTAP_OIDC_ACR": "level2,level3"}, False),
    ({"acr": "level3"}, {"OVERSTAP_OIDC_ACR": "level2,level3"}, True),
    ({}, {}, True),
]


@pytest.mark.parametrize(("claims", "settings", "may"), CASES)
def test_production_asks_for_a_second_factor(
    airflow_home: Path, tmp_path: Path, claims: dict[str, Any], settings: dict[str, str], may: bool
) -> None:
    with Provider({"preferred_username": "c.jansen", **claims}) as provider:
        is_in, asked, log = signs_in(tmp_path, provider, **settings)
    assert is_in is may
    assert ("second factor" in log) is not may
    assert ("acr_values=level2+level3" in asked.replace("%20", "+")) is ("OVERSTAP_OIDC_ACR" in settings)


NO_PROOF: list[dict[str, Any]] = [
    {},
    {"amr": "mfa"},
    {"amr": []},
    {"amr": ["pwd", "pin"]},
    {"amr": ["otp", "sms"]},
    {"amr": ["MFA"]},
    {"amr": [["mfa"], None, 1]},
    {"acr": "mfa"},
    {"amr": ["pwd", "unknown"]},
]
PROOF: list[dict[str, Any]] = [
    {"amr": ["mfa"]},
    {"amr": ["pwd", "otp"]},
    {"amr": ["pin", "hwk"]},
    {"amr": ["fpt", "sc"]},
]


def test_what_proves_two_factors() -> None:
    from overstap.orchestration.signin import has_second_factor

    assert not any(has_second_factor(claims, ()) for claims in NO_PROOF)
    assert all(has_second_factor(claims, ()) for claims in PROOF)
    assert not any(has_second_factor(claims, ("level2",)) for claims in (*PROOF, *NO_PROOF, {"acr": ["level2"]}))
    assert has_second_factor({"acr": "level2"}, ("level2",))


def test_production_by_password_says_so_loudly(caplog: pytest.LogCaptureFixture) -> None:
    from overstap.orchestration.signin import configuration
    from overstap.settings import Settings

    configuration(Settings(production=True))
    assert "PRODUCTION WITHOUT A SECOND FACTOR" in caplog.text
    caplog.clear()
    configuration(Settings(production=False))
    assert not caplog.text
