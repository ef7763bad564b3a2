"""Measurements, printed as tables; ratios beside a peer in the same run."""
