"""Tells webhooks of the ends of jobs; a light process of its own beside the one that paints."""
