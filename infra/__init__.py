"""Deployment: template, policies, packaging, the command line and the standalone installation."""
