"""A small OpenID Connect provider: discovery, a login that says yes, a token endpoint that checks what it must."""

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT, SECRET = "overstap", "geheim-van-de-client"
_ACCESS = "toegang"


class Provider(ThreadingHTTPServer):
    """Says that everybody who comes is `claims`; use it as a context."""

    def __init__(self, claims: dict[str, object]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.claims = claims
        self.user_info: dict[str, object] | None = None
        """What the UserInfo endpoint says; None: it refuses everybody."""
        self.has_id_token = True
        self.key = rsa.generate_private_key(65537, 2048)
        self.signs_with = self.key
        self.codes: dict[str, dict[str, list[str]]] = {}

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> "Provider":
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        parts, issuer = urlsplit(self.path), self.server.issuer
        if parts.path == "/.well-known/openid-configuration":
            self._json(
                {
                    "issuer": issuer,
                    "userinfo_endpoint": f"{issuer}/me",
                    "authorization_endpoint": f"{issuer}/authorize",
                    "token_endpoint": f"{issuer}/token",
                    "jwks_uri": f"{issuer}/jwks",
                    "id_token_signing_alg_values_supported": ["RS256"],
                }
            )
        elif parts.path == "/jwks":
            numbers = self.server.key.public_key().public_numbers()
            key = {
                "kty": "RSA",
                "kid": "1",
                "alg": "RS256",
                "use": "sig",
                "n": _number(numbers.n),
                "e": _number(numbers.e),
            }
            self._json({"keys": [key]})
        elif parts.path == "/me":
            if self.server.user_info is None or self.headers.get("Authorization") != f"Bearer {_ACCESS}":
                self._json({"error": "invalid_token"}, 401)
            else:
                self._json(self.server.user_info)
        elif parts.path == "/authorize":
            asked = parse_qs(parts.query)
            code = secrets.token_urlsafe(16)
            self.server.codes[code] = asked
            self.send_response(302)
            told = urlencode({"code": code, "state": asked["state"][0]})
            self.send_header("Location", f"{asked['redirect_uri'][0]}?{told}")
            self.end_headers()

    def do_POST(self) -> None:
        given = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        asked = self.server.codes.pop(given["code"][0])
        login = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        proof = _text(hashlib.sha256(given["code_verifier"][0].encode()).digest())
        if self.headers.get("Authorization") != f"Basic {login}" or proof != asked["code_challenge"][0]:
            self._json({"error": "invalid_grant"}, 400)
            return
        at = int(time.time())
        claims = {"iss": self.server.issuer, "aud": CLIENT, "sub": "1", "iat": at, "exp": at + 60}
        claims |= {"nonce": asked["nonce"][0]} | self.server.claims
        head = _text(json.dumps({"alg": "RS256", "kid": "1"}).encode())
        body = _text(json.dumps(claims).encode())
        signature = self.server.signs_with.sign(f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
        token = f"{head}.{body}.{_text(signature)}"
        answer = {"access_token": _ACCESS, "token_type": "Bearer", "expires_in": 600}
        self._json(answer | {"id_token": token} if self.server.has_id_token else answer)

    def _json(self, content: object, status: int = 200) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int) -> str:
    return _text(value.to_bytes((value.bit_length() + 7) // 8, "big"))
