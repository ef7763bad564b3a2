"""Variable substitution after a build: the envsubst grammar and where variables come from."""
