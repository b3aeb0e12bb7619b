"""Tests of sign-in by an identity provider with a second factor in production, against a running provider."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.browser.provider import CLIENT, SECRET, Provider
from tests.certified_provider import CLIENT as OTHER_CLIENT
from tests.certified_provider import SECRET as OTHER_SECRET
from tests.certified_provider import certified_provider

from overstap.authentication_methods import has_second_factor
from overstap.settings import Settings

from .sign_ins import SignIns


def to_provider(asked: str) -> str:
    """Go to the provider that says yes to everybody; return the address to which it sends back."""
    return str(httpx.get(asked, trust_env=False).headers["location"])


def signs_in(
    sign_ins: SignIns, folder: Path, issuer: str, go: Callable[[str], str] = to_provider, **settings: str
) -> tuple[bool, str, str]:
    """Go the whole way to the provider and back; return whether somebody is signed in, what was asked, and the log."""
    provider = {"OVERSTAP_OIDC_ISSUER": issuer, "OVERSTAP_OIDC_CLIENT": CLIENT, "OVERSTAP_OIDC_SECRET": SECRET}
    told, asked = "", ""
    with (folder / "errors").open("w+") as errors:
        process = sign_ins.begin("sign_in", folder, errors, provider | settings)
        with process.asking, process.answers:
            for line in process.answers:
                told += line
                if line.startswith("ASKED"):
                    asked = line.removeprefix("ASKED").strip()
                    print(go(asked), file=process.asking, flush=True)
        errors.seek(0)
        told += errors.read()
    assert "RESULT" in told, told[-3_000:]
    found = json.loads(told.split("RESULT")[1].splitlines()[0])
    return found["user"] is not None, asked, told


CASES: list[tuple[dict[str, Any], dict[str, str], bool]] = [
    ({"amr": ["pwd"]}, {"OVERSTAP_PRODUCTION": "true"}, False),
    ({"amr": ["pwd", "mfa"]}, {"OVERSTAP_PRODUCTION": "true"}, True),
    ({"amr": ["mfa"], "acr": "level1"}, {"OVERSTAP_OIDC_ACR": "level2,level3"}, False),
    ({"acr": "level3"}, {"OVERSTAP_OIDC_ACR": "level2,level3"}, True),
    ({}, {}, True),
]


@pytest.mark.parametrize(("claims", "settings", "may"), CASES)
def test_production_asks_for_a_second_factor(
    sign_ins: SignIns, tmp_path: Path, claims: dict[str, Any], settings: dict[str, str], may: bool
) -> None:
    with Provider({"preferred_username": "c.jansen", **claims}) as provider:
        is_in, asked, log = signs_in(sign_ins, tmp_path, provider.issuer, to_provider, **settings)
    assert is_in is may
    assert ("second factor" in log) is not may
    assert ("acr_values=level2+level3" in asked.replace("%20", "+")) is ("OVERSTAP_OIDC_ACR" in settings)


USER = {"sub": "1", "preferred_username": "c.jansen"}
"""What UserInfo says of the person whom the ID token names by `sub` alone."""


@pytest.mark.parametrize(
    ("claims", "user_info", "has_id_token", "may"),
    [
        ({"amr": ["mfa"]}, USER, True, True),
        ({}, {**USER, "amr": ["mfa"], "acr": "level3"}, True, False),  # attributes that somebody may write themselves
        ({"amr": ["pwd"]}, {**USER, "amr": ["mfa"]}, True, False),
        ({"amr": ["mfa"]}, {**USER, "sub": "2"}, True, False),
        ({"amr": ["mfa"]}, {"preferred_username": "c.jansen"}, True, False),
        ({}, {"preferred_username": "c.jansen", "amr": ["mfa"]}, False, False),
        ({}, {**USER, "amr": ["mfa"]}, False, False),
    ],
)
def test_user_info_names_a_person_and_proves_nothing(
    sign_ins: SignIns,
    tmp_path: Path,
    claims: dict[str, Any],
    user_info: dict[str, Any],
    has_id_token: bool,
    may: bool,
) -> None:
    """How somebody signed in, and that it was now, is said by the signed ID token alone."""
    with Provider(claims) as provider:
        provider.user_info, provider.has_id_token = user_info, has_id_token
        is_in, _, log = signs_in(sign_ins, tmp_path, provider.issuer, OVERSTAP_PRODUCTION="true")
    assert is_in is may, log[-3_000:]


def test_a_certified_provider(sign_ins: SignIns, tmp_path: Path) -> None:
    """One that nobody here wrote, and whose claims are at its UserInfo endpoint alone."""
    home, package = tmp_path / "home", tmp_path / "package"
    home.mkdir()
    package.mkdir()
    for account, may in (("c.jansen", True), ("somebody.else", False)):
        said: dict[str, object] = {"preferred_username": account}
        with certified_provider(package, said, "http://localhost/oauth-authorized/oidc") as provider:
            settings = {"OVERSTAP_OIDC_CLIENT": OTHER_CLIENT, "OVERSTAP_OIDC_SECRET": OTHER_SECRET}
            is_in, _, log = signs_in(
                sign_ins, home, provider.issuer, lambda asked: provider.sign_in(asked, "jansen"), **settings
            )
        assert is_in is may, log[-3_000:]


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
    assert not any(has_second_factor(claims, ()) for claims in NO_PROOF)
    assert all(has_second_factor(claims, ()) for claims in PROOF)
    assert not any(has_second_factor(claims, ("level2",)) for claims in (*PROOF, *NO_PROOF, {"acr": ["level2"]}))
    assert has_second_factor({"acr": "level2"}, ("level2",))


@pytest.fixture
def configuration() -> Callable[[Settings], dict[str, Any]]:
    """Configuration of sign-in. Its import loads Airflow, which sets handlers of its own: not while a test listens."""
    from overstap.orchestration import signin

    return signin.configuration


def test_production_by_password_says_so_loudly(
    configuration: Callable[[Settings], dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    configuration(Settings(production=True))
    assert "PRODUCTION WITHOUT A SECOND FACTOR" in caplog.text
    caplog.clear()
    configuration(Settings(production=False))
    assert not caplog.text
