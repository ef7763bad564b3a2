# Everything a contributor runs. Needs only Python 3.11+, git and make; the rest is set up in .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: real-apiserver demo test check lint types layers docs docs-check bench fuzz conformance wheel lock schemas clean

demo: $(STAMP)  ## set up and run the main job
	$(BIN)/steersman demo

test: $(STAMP)  ## set up and run the tests
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: lint types layers docs-check  ## everything CI checks besides the tests

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

layers: $(STAMP)
	PYTHONPATH=src $(BIN)/lint-imports

docs-check: $(STAMP)
	$(BIN)/python -m pytest tests/docs

docs: $(STAMP)  ## write the generated pages of docs/reference again
	PYTHONPATH=src $(BIN)/python -m scripts.reference
	PYTHONPATH=src $(BIN)/python -m scripts.states

bench: $(STAMP)  ## measure, and print tables
	$(BIN)/python -m bench

fuzz: $(STAMP)  ## throw damaged input at the builds for a minute
	$(BIN)/python -m tests.fuzz.kustomize --seconds 60

conformance: $(STAMP)  ## our engine beside recorded truth and real tools
	$(BIN)/python -m pytest tests/conformance -rs

schemas:  ## distil the schemas of the built-in kinds again (needs Go)
	$(PYTHON) scripts/distil_schemas.py

real-apiserver:  ## build a kube-apiserver and etcd to compare with, once, outside the repository (needs Go)
	$(PYTHON) scripts/real_apiserver.py

wheel: $(STAMP)
	$(BIN)/python -m build --wheel --no-isolation --outdir dist .

$(STAMP): requirements/dev.lock requirements/tools.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.lock
	-$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements/tools.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(STAMP)

lock:  ## pin again (needs uv)
	uv pip compile -q --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11 requirements/runtime.in -o requirements/runtime.lock
	uv pip compile -q --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11 requirements/dev.in -o requirements/dev.lock
	uv pip compile -q --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11 --no-deps requirements/tools.in -o requirements/tools.lock

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache
