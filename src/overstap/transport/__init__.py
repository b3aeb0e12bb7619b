"""HTTPS client and server with mutual TLS; both sides are authenticated by the OIN in the certificate."""
