"""Configuration of sign-in to Airflow: OpenID Connect where the settings name a provider, else passwords.

`include/airflow/webserver_config.py`, which Airflow's auth manager reads, takes its values from here. Who signs in must
have an account by then: `overstap access sync` makes one for everybody whom an agreement names. Roles come from the
agreements, never from the provider.
"""

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride

from overstap.authentication_methods import has_second_factor
from overstap.settings import Settings

log = logging.getLogger(__name__)

PROVIDER = "oidc"
"""Name of the provider in the redirect address: `/auth/oauth-authorized/oidc`."""


class OidcSecurityManager(FabAirflowSecurityManagerOverride):
    """Security manager that reads the account's name from the claim in the settings."""

    def get_oauth_user_info(self, provider: str, resp: dict[str, Any]) -> dict[str, Any]:
        """Return the signed-in user.

        Args:
            provider: `PROVIDER`.
            resp: the provider's answer; `userinfo` has the claims of the ID token, whose signature, issuer, audience
                and nonce were checked (OpenID Connect Core 1.0, clause 3.1.3.7).
        """
        claims = resp.get("userinfo") or {}
        if not claims.get("sub"):
            log.error("refused: the identity provider sent no ID token that says who signed in")
            return {}
        claim = Settings().oidc_account_claim
        if claim not in claims:
            # How somebody signed in is only what the ID token says: what UserInfo has are attributes of a person
            found = self._user_info(resp, claims)
            claims = {name: found[name] for name in (claim, "email_verified") if name in found} | claims
        account = claims.get(claim)
        if not isinstance(account, str) or not account:
            log.error("the identity provider sent no claim %s", claim)
            return {}
        if Settings().needs_second_factor and not has_second_factor(claims, Settings().acr_values):
            log.error("refused: the identity provider does not say that somebody signed in with a second factor")
            return {}
        if claim == "email" and claims.get("email_verified") is False:
            log.error("the identity provider has not verified the e-mail address of an account")
            return {}
        return {"username": account}

    def _user_info(self, resp: dict[str, Any], claims: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the provider's UserInfo endpoint says, where it has one (OpenID Connect Core 1.0, 5.3).

        Args:
            resp: the provider's answer, with the access token.
            claims: claims of the ID token, verified.
        """
        remote = self.oauth_remotes[PROVIDER]
        if not remote.load_server_metadata().get("userinfo_endpoint"):
            return {}
        found: Mapping[str, Any] = remote.userinfo(token=resp)
        if found.get("sub") != claims["sub"]:  # 5.3.2
            log.error("refused: the identity provider tells of another subject than the ID token")
            return {}
        return found


def configuration(settings: Settings) -> dict[str, Any]:
    """Return the values of Airflow's `webserver_config.py`.

    Args:
        settings: with OVERSTAP_OIDC_ISSUER people sign in at that provider, without it by password.

    Raises:
        OverstapError: SETTING-001 when the issuer is set and the client or its secret is not.
    """
    from flask_appbuilder.const import AUTH_DB, AUTH_OAUTH

    shared: dict[str, Any] = {
        "WTF_CSRF_ENABLED": True,
        "AUTH_USER_REGISTRATION": False,
        # Flask-AppBuilder's pages do not follow the browser, as Airflow's own do
        "BABEL_DEFAULT_LOCALE": "nl",
        "LANGUAGES": {"nl": {"flag": "nl", "name": "Nederlands"}, "en": {"flag": "gb", "name": "English"}},
    }
    if not settings.oidc_issuer:
        if settings.production:
            log.critical(
                "PRODUCTION WITHOUT A SECOND FACTOR: coordinators and administrators sign in by password alone; "
                "set OVERSTAP_OIDC_ISSUER (docs/access.md)"
            )
        return {**shared, "AUTH_TYPE": AUTH_DB}
    remote: dict[str, Any] = {
        "client_id": settings.need("oidc_client"),
        # RFC 6749, 2.3.1: in the form of a URL, which Authlib leaves to its caller
        "client_secret": quote_plus(settings.need("oidc_secret")),
        "server_metadata_url": f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
        # PKCE (RFC 7636): an intercepted code is useless
        "client_kwargs": {"scope": "openid profile email", "code_challenge_method": "S256"},
    }
    if settings.acr_values:
        remote["authorize_params"] = {"acr_values": " ".join(settings.acr_values)}
    return {
        **shared,
        "AUTH_TYPE": AUTH_OAUTH,
        "OAUTH_PROVIDERS": [{"name": PROVIDER, "icon": "fa-key", "token_key": "access_token", "remote_app": remote}],
        # Roles are the agreements' alone.
        "AUTH_ROLES_SYNC_AT_LOGIN": False,
        "SECURITY_MANAGER_CLASS": OidcSecurityManager,
    }
