"""Workers that measure, or that cost nothing: the real one but for its model."""
