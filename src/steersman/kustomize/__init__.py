"""The build engine: files in, manifests out, as kustomize does it."""
