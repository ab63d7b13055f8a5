"""What the benchmark of search quality is made of."""
