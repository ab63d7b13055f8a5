"""What the benchmark of engines and of experiments is made of."""
