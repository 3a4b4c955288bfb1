# `make help` lists what there is. Nothing but Python 3.11+, git and make is needed: the rest is set up in .venv.

PYTHON ?= $(shell for v in python3.13 python3.12 python3.11 python3.14 python3; do \
	command -v $$v >/dev/null 2>&1 && $$v -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$v && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
CORPUS ?= $(KAGURA_CORPUS)
PYTEST_WORKERS ?= 2

# Compiled modules are kept whatever the environment says: checks and tests start Python hundreds of times.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run demo test check format types lint docs bench agents corpus prices lock clean

help: ## List the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(VENV)/.test ## Set up .venv with everything for development

$(BIN)/uv:
	@test -n "$(PYTHON)" || { echo "kagura needs Python 3.11 or later with venv; on Debian: apt install python3-venv"; exit 2; }
	@echo "setting up $(VENV) with $(PYTHON) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.run: $(BIN)/uv pyproject.toml constraints.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[proxy]'
	@touch $@

$(VENV)/.test: $(VENV)/.run
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[test]'
	@touch $@

run: $(VENV)/.run ## Start the proxy on 127.0.0.1:4100
	@$(BIN)/kagura proxy

demo: $(VENV)/.run ## Show the product with no API key
	@$(BIN)/kagura demo

test: $(VENV)/.test ## Run the tests
	@$(BIN)/pytest -n $(PYTEST_WORKERS) --dist worksteal

check: $(VENV)/.test lint types docs test ## Everything that must hold before a commit

lint: $(VENV)/.test
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

types: $(VENV)/.test
	@$(BIN)/mypy --num-workers 2

docs: $(VENV)/.test
	@$(BIN)/python -m docs.generate --check

format: $(VENV)/.test ## Format the code and write the generated files anew
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/python -m docs.generate

bench: $(VENV)/.test ## Measure the proxy against its peers (minutes)
	@$(BIN)/python -m benchmarks

agents: $(VENV)/.test ## Run real agents through kagura, offline: make agents [AGENTS="codex langgraph"|"--otel"] (minutes)
	@$(BIN)/python -m tests.agents $(AGENTS)

corpus: $(VENV)/.test ## Replay recorded exchanges: make corpus CORPUS=folder
	@test -n "$(CORPUS)" || { echo "name the folder of the recordings: make corpus CORPUS=folder (or KAGURA_CORPUS)"; exit 2; }
	@$(BIN)/python -m benchmarks.corpus "$(CORPUS)"

lock: $(BIN)/uv ## Resolve constraints.txt anew
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --upgrade --no-emit-index-url \
		--no-annotate --custom-compile-command "make lock" pyproject.toml -o constraints.txt

clean: ## Remove .venv and caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache dist
