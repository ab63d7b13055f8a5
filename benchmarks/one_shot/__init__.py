"""What the benchmark of one-shot strategies is made of."""
