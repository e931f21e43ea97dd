# Everything a fresh machine needs is Python >= 3.11 and make: `make demo`, `make test`.
.DEFAULT_GOAL := help
.PHONY: help demo test test-nightly lint format bench peers docs clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PEERS := .venv-peers
DISTRIBUTIONS := aion_core aion_runtime_thread aion_store_sql plugins/aion_testkit
PROJECTS := $(DISTRIBUTIONS:%=%/pyproject.toml)
# One process of tests per core, of which a database server has connections for four. `make test WORKERS=` has none.
WORKERS ?= -n auto --maxprocesses 4

help: ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

# Made once, and again only when a requirement or a distribution's metadata changes.
$(READY): $(PROJECTS) requirements/dev.txt requirements/constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the workspace into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint requirements/constraints.txt --requirement requirements/dev.txt \
		$(DISTRIBUTIONS:%=--editable ./%)
	@touch $@

demo: $(READY) ## run an order, and kill its engine in the middle
	@$(BIN)/python -m examples.demo

test: $(READY) ## the whole suite
	@$(BIN)/python -m pytest $(WORKERS)

test-nightly: $(READY) ## the suite with its slow sweeps
	@AION_TEST_PROFILE=nightly $(BIN)/python -m pytest $(WORKERS)

lint: $(READY) ## style, types and import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/pyright
	@$(BIN)/lint-imports

format: $(READY) ## let ruff write what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(READY) ## the figures, beside raw limits of the same run
	@$(BIN)/python -m benchmarks

peers: $(PEERS)/.ready ## other engines that `python -m benchmarks sql` measures beside this one

$(PEERS)/.ready: requirements/peers.txt
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements/peers.txt
	@touch $@

docs: $(READY) ## write the generated pages of the reference anew
	@$(BIN)/python -m docs.generate

clean: ## remove what make made
	rm -rf $(VENV) $(PEERS) build dist
