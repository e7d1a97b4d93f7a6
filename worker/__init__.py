"""The GPU side: one warm pipeline, one job at a time."""
