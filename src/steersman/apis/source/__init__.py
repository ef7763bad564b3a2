"""Kinds that say where desired state comes from."""
