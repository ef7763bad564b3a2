"""Transformers: each module changes one thing of an object, by field specs or by its own rule.

A filter is a frozen value with one method that returns a changed tree; trees are never mutated.
Start at ``fields.py``, which walks the path of a field spec.
"""
