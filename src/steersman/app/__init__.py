"""Settings and the composition root: what is wired to what in each mode."""
