"""Steersman keeps a fleet of Kubernetes clusters equal to what Git says, and rehearses changes.

Start at ARCHITECTURE.md; the layers named there are the packages below this one.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
