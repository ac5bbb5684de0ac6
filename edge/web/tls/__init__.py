"""HTTPS certificates: uploaded, self-signed, or of an authority (ACME, RFC 8555) by way of Caddy."""
