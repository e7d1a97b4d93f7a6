"""What the service costs: each program measures a running one, and prints ratios as JSON."""
