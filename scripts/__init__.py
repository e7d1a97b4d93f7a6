"""Programs for people: start everything, check a running server, train the bundled model."""
