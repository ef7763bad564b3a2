"""Embedded servers that speak the public protocols: Kubernetes API, Git."""
