"""What the losses are compared with: independent definitions, and values recorded from other libraries."""
