"""Pretend nodes: workloads become ready without containers."""
