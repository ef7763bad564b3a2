"""Controllers of the kinds that say where desired state comes from."""
