"""The installation on AWS: template, policies, package, deployment."""
