"""The parts of the tree-structured Parzen estimator: choices as numbers, observations, densities, candidates."""
