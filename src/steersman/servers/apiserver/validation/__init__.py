"""Rules that many kinds share: names, labels, metadata, selectors, numbers."""
