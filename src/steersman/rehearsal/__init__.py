"""A world of embedded servers in which a fleet is brought up, changed and broken."""
