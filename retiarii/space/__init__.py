"""Model spaces, the mutators that rewrite their graphs, and architectures written in files."""

from __future__ import annotations

from retiarii.space.architecture import apply_fixed_architecture
from retiarii.space.model_space import ModelSpace
from retiarii.space.mutator import Mutator

__all__ = ["ModelSpace", "Mutator", "apply_fixed_architecture"]
