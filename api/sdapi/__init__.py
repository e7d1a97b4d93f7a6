"""The API of A1111's web UI on top of our jobs, for the tools that speak it.

This folder could be deleted.
"""
