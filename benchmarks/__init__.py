"""What the service costs: each program measures things side by side, and keeps ratios as JSON."""
