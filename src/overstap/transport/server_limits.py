"""Bounds of a server with mutual TLS: how long each part of a conversation may take, and how much one caller may hold.

Without them two hundred connections on which nobody says anything stop an endpoint for everybody (CWE-400).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Deadlines in seconds and quantities; the defaults are those of a deployment, tests take shorter ones."""

    handshake_seconds: float = 10.0
    """From the connection until TLS is there."""
    admission_seconds: float = 20.0
    """For the checks of the caller's certificate, an OCSP service's answer among them."""
    head_seconds: float = 10.0
    """From the beginning of a request until its headers are complete; and until the first request begins."""
    body_seconds: float = 60.0
    """From the end of the headers until the body is complete, whether anybody reads it or not."""
    answer_seconds: float = 120.0
    """From the end of the request until its answer was handed over."""
    idle_seconds: float = 30.0
    """Between two requests on one connection."""
    closing_seconds: float = 1.0
    """How long a connection that was refused stays for its answer to be read, and TLS for its farewell."""
    unknown: int = 256
    """Connections whose caller is not known yet; one more and the oldest of the busiest address is dropped."""
    per_caller: int = 32
    """Connections of one caller; one more and its own longest idle one is closed, or the new one refused."""
    callers: int = 512
    """Connections of all callers together."""
    body_bytes: int = 256 * 1024 * 1024
    """Bodies of all requests that are being read or dealt with."""
    body_bytes_per_caller: int = 128 * 1024 * 1024
    """Of one caller's."""


DEFAULT_SERVER_LIMITS = ServerLimits()
