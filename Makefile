# `make demo` and `make test` need nothing but Python 3.11 and a package index. PYTHON=... picks another interpreter.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
INSTALLED := $(VENV)/.installed
DEVELOPER := $(VENV)/.installed-dev
ZOO := $(VENV)-zoo/.installed
WHEEL_VENV := build/wheel-venv
WHEEL_TESTS := domain strategies evaluators execution

.PHONY: demo test lint types wheel bench faults clean

demo: $(INSTALLED)
	$(BIN)/python examples/hello_search.py

test: $(DEVELOPER)
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

lint: $(DEVELOPER)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache

types: $(DEVELOPER)
	$(BIN)/mypy

# The models of others want an environment of their own: with all dependencies some would bring torchvision.
bench: $(ZOO)
	$(VENV)-zoo/bin/python benchmarks/trace_fidelity.py --jobs 2

# Kills searches and their workers a thousand times at random moments, and makes other faults; some minutes.
faults: $(INSTALLED)
	$(BIN)/python benchmarks/kill_points.py --kills 1000

# The wheel is built from the sdist, installed where the source cannot be seen, and tested from another folder.
# It borrows the dependencies of $(VENV) by a .pth line, which does not carry the editable install along.
wheel: $(DEVELOPER)
	rm -rf build dist
	$(BIN)/python -m build --no-isolation
	$(PYTHON) -m venv --without-pip $(WHEEL_VENV)
	$(BIN)/python -m pip --quiet --python $(WHEEL_VENV)/bin/python install --no-deps --constraint constraints.txt dist/*.whl
	$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" > build/borrowed.pth
	cp build/borrowed.pth $(WHEEL_VENV)/lib/python3*/site-packages/
	mkdir build/elsewhere build/elsewhere/tests
	cp -R pyproject.toml docs build/elsewhere/
	cp -R $(wildcard tests/conftest.py) $(addprefix tests/,$(WHEEL_TESTS)) build/elsewhere/tests/
	cd build/elsewhere && ../../$(WHEEL_VENV)/bin/python -c "import retiarii; assert 'wheel-venv' in retiarii.__file__, retiarii.__file__"
	cd build/elsewhere && ../../$(WHEEL_VENV)/bin/retiarii doctor
	cd build/elsewhere && ../../$(WHEEL_VENV)/bin/python -m pytest --numprocesses 2 --dist worksteal --ignore-glob "*test_ray*"

clean:
	rm -rf $(VENV) $(VENV)-zoo build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) torch==2.13.0 hatchling editables
	$(PIP) --no-build-isolation --editable '.[examples]'
	touch $@

$(DEVELOPER): $(INSTALLED)
	$(PIP) --no-build-isolation --editable '.[dev]'
	touch $@

$(ZOO): pyproject.toml constraints.txt benchmarks/requirements-zoo.txt
	test -x $(VENV)-zoo/bin/python || $(PYTHON) -m venv $(VENV)-zoo
	$(VENV)-zoo/bin/python -m pip install --quiet --constraint constraints.txt torch==2.13.0
	$(VENV)-zoo/bin/python -m pip install --quiet --no-deps --requirement benchmarks/requirements-zoo.txt --editable .
	touch $@
