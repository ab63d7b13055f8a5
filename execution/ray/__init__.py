"""What `RayEngine` is made of; `actor`, `cluster` and `place` need Ray."""
