"""Choosing, filtering and verifying sources: references, revisions, ignore rules; no fetching."""
