"""Read-only answers as structs, for the command line and other front ends."""
