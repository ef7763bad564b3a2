"""One declaration and its steps for each kind that is reconciled."""
