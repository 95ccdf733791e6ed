"""Pages for schools that send and receive transfers."""
