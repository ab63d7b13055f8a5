"""What the speed benchmarks are made of."""
