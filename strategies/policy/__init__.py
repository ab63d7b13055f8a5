"""Search by policy gradients."""
