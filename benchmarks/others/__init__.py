"""What the service is compared with: few lines each, as their own documentations have them."""
