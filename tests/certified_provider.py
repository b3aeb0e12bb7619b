"""A certified OpenID Connect provider that nobody here wrote: the package `oidc-provider` of npm, on this machine."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from overstap_tools.local.ports import any_free, is_free
from overstap_tools.local.waiting import wait_until

PACKAGE = "oidc-provider@9.1.1"
CLIENT, SECRET = "overstap", "geheim+van/de client%:"
_SERVER = """
import Provider from 'oidc-provider';
const given = JSON.parse(process.env.GIVEN);
const provider = new Provider(given.issuer, {
  clients: [{client_id: given.client, client_secret: given.secret, redirect_uris: given.redirects}],
  claims: {openid: ['sub'], profile: Object.keys(given.claims)},
  findAccount: (_, id) => ({accountId: id, claims: () => ({sub: id, ...given.claims})}),
});
provider.listen(given.port, '127.0.0.1');
"""


@dataclass(frozen=True)
class CertifiedProvider:
    """The running provider.

    Args:
        issuer: its URL.
    """

    issuer: str

    def sign_in(self, address: str, account: str) -> str:
        """Sign in on the provider's own pages, as a browser does; return the address to which it sends back.

        Args:
            address: to which the pages sent the browser.
            account: who signs in there; any password is right.
        """
        with httpx.Client(trust_env=False, timeout=60) as browser:
            answer = browser.get(address)
            for fields in ({"prompt": "login", "login": account, "password": "x"}, {"prompt": "consent"}):
                while answer.is_redirect and "/interaction/" not in answer.headers["location"]:
                    answer = browser.get(answer.headers["location"])
                answer = browser.post(httpx.URL(self.issuer).join(answer.headers["location"]), data=fields)
            while answer.headers["location"].startswith(self.issuer):
                answer = browser.get(answer.headers["location"])
            return str(answer.headers["location"])


@contextmanager
def certified_provider(place: Path, claims: dict[str, object], *redirects: str) -> Iterator[CertifiedProvider]:
    """Run the provider, whose claims are at its UserInfo endpoint and not in the ID token, as is the rule.

    Args:
        place: empty folder.
        claims: what it says of everybody.
        redirects: addresses to which it may send a browser back.
    """
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        pytest.skip("the certified provider needs Node.js and npm")
    words = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(place), PACKAGE]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        pytest.skip(f"the certified provider could not be fetched in time: {PACKAGE}")
    if done.returncode:
        pytest.skip(f"the certified provider could not be fetched: {PACKAGE}")
    (place / "server.mjs").write_text(_SERVER)
    port = any_free()
    issuer = f"http://127.0.0.1:{port}"
    given = {"issuer": issuer, "port": port, "client": CLIENT, "secret": SECRET}
    given |= {"claims": claims, "redirects": list(redirects)}
    with (place / "log").open("w") as log:
        server = subprocess.Popen(
            [node, str(place / "server.mjs")], env={"GIVEN": json.dumps(given)}, stdout=log, stderr=log, cwd=place
        )
    try:
        wait_until(lambda: not is_free(port), "the provider", 60)
        yield CertifiedProvider(issuer)
    finally:
        server.terminate()
        server.wait(30)
