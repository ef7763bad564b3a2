"""The layout of a fleet repository: clusters, components, environments; and a first fleet."""
