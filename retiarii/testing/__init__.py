"""For tests of what plugs into a search: conformance tests, small domains, a search and a space without models."""

from __future__ import annotations

from retiarii.testing.domains import DOMAINS
from retiarii.testing.engines import EngineConformance
from retiarii.testing.simulated_search import SimulatedSearch
from retiarii.testing.spaces import SampleSpace
from retiarii.testing.strategies import StrategyConformance

__all__ = ["DOMAINS", "EngineConformance", "SampleSpace", "SimulatedSearch", "StrategyConformance"]
