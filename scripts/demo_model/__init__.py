"""The parts of the bundled model: its pictures, its words, its networks, its check."""
