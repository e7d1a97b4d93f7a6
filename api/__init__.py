"""The HTTP front: validates, submits, waits; never imports torch or the worker."""
