"""Limits of a server with mutual TLS: deadlines per phase of a request, and connections and memory per caller.

Without them two hundred silent connections make an endpoint unavailable for everybody (CWE-400).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Deadlines (seconds) and bounds (connections, bytes). The defaults are for deployments; tests use shorter ones."""

    handshake_seconds: float = 10.0
    """From the TCP connection to the end of the TLS handshake."""
    admission_seconds: float = 20.0
    """For the checks of the caller's certificate, including an OCSP request."""
    head_seconds: float = 10.0
    """From the start of a request until its headers are complete; also from admission to the first request."""
    body_seconds: float = 60.0
    """From the end of the headers until the body is complete, whether or not the application reads it."""
    answer_seconds: float = 120.0
    """From the end of the request until the response is sent."""
    idle_seconds: float = 30.0
    """Between two requests on one connection."""
    closing_seconds: float = 1.0
    """How long a refused connection stays open so that the caller can read the response; also the TLS shutdown."""
    unauthenticated: int = 256
    """Connections without an authenticated caller; above it, the oldest one of the busiest IP address is dropped."""
    per_caller: int = 32
    """Connections of one caller; above it, the caller's longest idle one is closed, or else the new one refused."""
    callers: int = 512
    """Connections of all callers together."""
    body_bytes: int = 256 * 1024 * 1024
    """Bodies of all requests in progress."""
    body_bytes_per_caller: int = 128 * 1024 * 1024
    """Bodies of one caller's requests in progress."""


DEFAULT_SERVER_LIMITS = ServerLimits()
