"""What the benchmark of strategies' overhead is made of."""
