"""OpenAI's Images API on top of our jobs; this folder could be deleted."""
