"""The algebra of status conditions: edit, summarise into Ready, patch, check."""
