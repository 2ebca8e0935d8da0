# The one front door. `make help` lists what it opens; everything else here says how.
#
# A fresh machine needs Python 3.11 or newer with venv, and make. Nothing is installed outside .venv.
#
# The environment is built in two steps, each remembered by a stamp: what the service needs to run, so that a first
# `make serve` is quick, and then what its tests and tools need. A stamp is older than its requirements when they change,
# and make does that step again.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=
JOBS   ?= auto

PIP     := $(BIN)/python -m pip --disable-pip-version-check --quiet install
RUNTIME := $(VENV)/.runtime
DEV     := $(VENV)/.dev
DOCS    := $(VENV)/.docs
NODE    := examples/node/node_modules/.package-lock.json
DOTNET  := tests/sdk/dotnet/node_modules/.package-lock.json
AZ      := .cache/azure-cli/.installed
# Version 5.2.0 with four days more. Go knows it by its commit, since the module's path has no /v5.
AZURERM_VERSION := v1.44.1-0.20260824201233-fae580791926
AZURERM := .cache/azurerm/.$(AZURERM_VERSION)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup serve test soak coverage lint format types layers check bench docs node dotnet azure-cli azurerm lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(DEV)  ## build .venv with everything, and leave .venv/bin/strongroom

serve: $(RUNTIME)  ## start the service on the embedded store: make serve ARGS="--port 9443"
	@exec $(BIN)/strongroom serve $(ARGS)

test: $(DEV)  ## run the tests: make test ARGS="tests/flow -k firewall"
	$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

soak: $(DEV)  ## compare a million random decisions on rights and firewalls with second evaluators; prints its seed
	STRONGROOM_ORACLE_CASES=1000000 $(BIN)/python -m pytest -n $(JOBS) tests/properties/test_rights_oracle.py \
		tests/properties/test_firewall_oracle.py $(ARGS)

coverage: $(DEV)  ## run the tests and report branch coverage
	$(BIN)/python -m pytest -n $(JOBS) --cov --cov-report=term --cov-report=html $(ARGS)

lint: $(DEV)  ## check style and formatting
	$(BIN)/ruff check $(ARGS)
	$(BIN)/ruff format --check $(ARGS)

format: $(DEV)  ## mend what the linter and formatter can mend by themselves
	$(BIN)/ruff check --fix $(ARGS)
	$(BIN)/ruff format $(ARGS)

types: $(DEV)  ## check types
	$(BIN)/mypy $(ARGS)

layers: $(DEV)  ## check that imports go down only
	$(BIN)/lint-imports $(ARGS)

check: lint types layers test  ## all of the above, as the CI does

bench: $(DEV)  ## measure, against limits taken in the same run; writes bench/results.json
	$(BIN)/python -m bench $(ARGS)

docs: $(DOCS)  ## build the documentation into docs/_build/html
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html $(ARGS)

node: $(NODE)  ## install the JavaScript clients that examples/node and its tests need; wants npm

dotnet: $(DOTNET)  ## install a program of Microsoft's in .NET, which its tests drive; wants npm, and Linux on x64

azure-cli: $(AZ)  ## install Azure CLI, which its tests drive, into .cache/azure-cli

azurerm: $(AZURERM)  ## build Terraform's azurerm, which its tests drive, into .cache/azurerm; wants go, and a quarter of an hour

# Maintainers only: resolves the dependencies anew and pins them with the hashes of every platform's files.
lock:  ## pin the dependencies again: make lock ARGS=--upgrade
	$(PYTHON) -m venv .cache/lock
	.cache/lock/bin/python -m pip --disable-pip-version-check --quiet install uv
	requirements/lock .cache/lock/bin/uv $(ARGS)

clean:  ## remove everything that make made; data directories are not touched
	rm -rf $(VENV) .cache build dist docs/_build examples/node/node_modules tests/sdk/dotnet/node_modules \
		htmlcov .coverage .coverage.* .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- the environment ------------------------------------------------------------------------------------------------

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
		echo "make: no $(PYTHON) found: install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "make: $(PYTHON) is $$($(PYTHON) --version 2>&1), but Strongroom needs Python 3.11 or newer: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "make: $(PYTHON) cannot make virtual environments: install its venv package (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# A locked file names everything, so nothing is resolved here: an older pip would look for the newest release of a
# requirement with extras (`coverage[toml]`), find it missing from the file, and stop. The checkout itself is installed
# last, without fetching a build backend: that is in the locked file too.
$(RUNTIME): requirements/runtime.txt pyproject.toml | $(BIN)/python
	$(PIP) --no-deps --require-hashes -r requirements/runtime.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements/dev.txt $(RUNTIME)
	$(PIP) --no-deps --require-hashes -r requirements/dev.txt
	@touch $@

$(DOCS): requirements/docs.txt $(RUNTIME)
	$(PIP) --no-deps --require-hashes -r requirements/docs.txt
	@touch $@

$(NODE): examples/node/package.json examples/node/package-lock.json
	npm ci --prefix examples/node --no-fund --no-audit --loglevel=error
	@touch $@

# The SDK of .NET is had from a registry of its own alone, but npm has a program that is built on it, with the runtime within.
# Where it does not run, npm says so.
$(DOTNET): tests/sdk/dotnet/package.json tests/sdk/dotnet/package-lock.json
	npm ci --prefix tests/sdk/dotnet --no-fund --no-audit --loglevel=error
	@touch $@

# Azure CLI is a client like any other, of hundreds of megabytes and with versions of its own for what we use too. The tests
# import a tenth of its thirteen thousand modules, so each is compiled when it first is imported.
$(AZ): requirements/azure-cli.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --no-compile --require-hashes -r requirements/azure-cli.txt
	@touch $@

# The provider is of two thousand packages, so the CI goes without. Go's caches, outside the checkout, grow by gigabytes.
$(AZURERM):
	GOBIN=$(abspath $(@D)) go install -ldflags "-s -w" $(ARGS) github.com/hashicorp/terraform-provider-azurerm@$(AZURERM_VERSION)
	@touch $@
