"""HTTPS with mutual TLS, authenticated by the OIN in the certificate: client, sockets, server."""
