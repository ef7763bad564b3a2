"""Custom resource definitions: their rules, and the kinds they define."""
