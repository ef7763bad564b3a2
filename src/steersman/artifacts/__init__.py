"""The content-addressed artifact store: write, verify, serve, collect."""
