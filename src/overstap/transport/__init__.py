"""HTTPS with mutual TLS, authenticated by the number in the certificate: client, socket, server."""
