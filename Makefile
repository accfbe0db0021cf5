# Every command of a developer; `make help` lists them.
.DEFAULT_GOAL := help
BIN := .venv/bin
# One test process more than there are cores, for tests wait now and then. Each starts servers of its own.
JOBS ?= $(shell expr 1 + $$(nproc))
# `make fuzz`: seconds for all doors together, and which dice; a seed that was printed repeats them.
FUZZ_SECONDS ?= 600
FUZZ_SEED ?= random

# What can be measured by itself: make bench memory
PARTS := memory api get_repos git history push growth hg svn creation jobs stall web pages download databases

.PHONY: help install dev serve demo test fuzz check format bench docs lock clean $(PARTS)

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

install: ## Install Trivium into .venv, with what it needs from Debian; EXTRAS="postgres scale" adds these
	@scripts/install main $(EXTRAS)

dev: ## Install what developing and testing need as well
	@scripts/install dev

serve: install ## Set up ./data on the first run, and serve on 127.0.0.1:5000
	@scripts/first-start data
	@exec $(BIN)/trivium serve --data data

demo: install ## Tell the product's story in a terminal, with a throw-away server
	@scripts/demo

# What never touches a database is left out on PostgreSQL: coverage would say nothing.
test: dev ## Run every test, and look at coverage; with ARGS=<path> some; with DB=postgresql on PostgreSQL
	@TEST_DB=$(DB) $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(or $(ARGS),$(if $(DB),,--cov --cov-report=))

fuzz: dev ## Send nonsense to every door for FUZZ_SECONDS (600)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_SEED=$(FUZZ_SEED) $(BIN)/python -m pytest -s --timeout=0 tests/fuzz $(ARGS)

check: dev ## Format, lint, types, layers, generated documentation, translations
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache | tail -n 8
	@$(BIN)/python scripts/write-docs --check
	@$(BIN)/python scripts/write-locale --check

format: dev ## Format the code and mend what the linter can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: dev ## Measure against floors in the same run (a few minutes); with `memory` or another part, that alone
	@$(BIN)/python -m bench $(filter $(PARTS),$(MAKECMDGOALS))

$(PARTS):
	@:

docs: dev ## Write docs/api.md and docs/configuration.md from the code; bring translations up to the pages
	@$(BIN)/python scripts/write-docs
	@$(BIN)/python scripts/write-locale

lock: ## Pin the dependencies anew, with hashes and without host names
	@scripts/lock

clean: ## Remove the environment and caches; ./data stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage build dist
