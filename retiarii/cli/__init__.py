"""The command `retiarii`: searches from a YAML file, and what is recorded of them."""
