"""The types of the built-in Kubernetes kinds, as data: schemas and the table of resources."""
