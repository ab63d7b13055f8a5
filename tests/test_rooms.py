"""The rooms hand on their names, each from its own file and only when it is used."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

ROOMS = ("strategies", "evaluators", "execution", "stoppers")
ALIASES = {"FBNet": "GumbelDARTS", "SPOS": "RandomOneShot"}


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_is_found(room):
    module = import_module(f"retiarii.{room}")
    for name in module.__all__:
        assert getattr(module, name).__name__ == ALIASES.get(name, name)
        assert name in dir(module)


@pytest.mark.parametrize("room", ROOMS)
def test_an_unknown_name_is_an_attribute_error(room):
    with pytest.raises(AttributeError, match=f"'retiarii.{room}' has no attribute 'Supernova'"):
        _ = import_module(f"retiarii.{room}").Supernova


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_loads_none_of_its_files(room):
    code = f"import retiarii.{room}, sys; print(*[name for name in sys.modules if name.startswith('retiarii.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [f"retiarii.{room}"]
