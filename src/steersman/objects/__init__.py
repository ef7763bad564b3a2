"""The vocabulary of Kubernetes objects we do not own, shared by clients, servers and engines."""
