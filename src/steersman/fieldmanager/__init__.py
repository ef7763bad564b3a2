"""Structured merge for server-side apply: who owns which field, usable without any server."""
