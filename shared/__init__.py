"""What the API and the worker must agree on, and nothing else."""

SERVICE_NAME = "Semantic Bit GPU Server"
VERSION = "0.2.0"
