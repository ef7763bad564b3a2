"""Domain-free parts: time, digests, archives, paths, durations, versions, YAML, patches."""
