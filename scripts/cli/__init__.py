"""The command line `semantic-bit`: pictures, jobs, the service and its health."""
