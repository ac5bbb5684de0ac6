"""Deployment: template, policies, packaging and the embedded default."""
