"""The built-in kinds: what each adds to its schema."""
