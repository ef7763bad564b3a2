"""Deciding what an apply does: stages, drift, force, change sets, inventory, pruning."""
