# Everything a person or CI runs. Each target does the set-up that it needs; a second run of that takes no time.
PYTHON ?= python3
STACK ?= staging
RUN := PATH="$(CURDIR)/.venv/bin:$$PATH" .venv/bin/python
# Two processes, each with whole files or stacks: tests/conftest.py.
TESTS := $(RUN) -m pytest -n 2 --dist loadgroup --no-loadscope-reorder
# Without their byte code the provider packages take three times as long to import.
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev rehearse test test-all conformance check generate bench tour format

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  STACK=prod chooses the stack (now $(STACK)), PYTHON=python3.12 the Python (now $(PYTHON))."

setup: ## make .venv with what the program needs, and Pulumi's CLI
	@$(PYTHON) tools/setup.py

setup-dev:
	@$(PYTHON) tools/setup.py --dev

rehearse: setup ## deploy STACK to simulated clouds, then look for changes: no account needed
	@$(RUN) -m deploy up $(STACK) --rehearse --yes --check

test: setup-dev ## run the everyday tests in five minutes; PYTEST="-k vault" narrows them
	@$(TESTS) $(PYTEST)

test-all: setup-dev ## run all tests that need no real server, every stack on the engine
	@$(TESTS) -m "not slow" $(PYTEST)

conformance: setup-dev ## run the program's parts against real servers, built once: half an hour the first time
	@$(RUN) tools/servers.py
	@$(RUN) -m pytest tests/conformance $(PYTEST)

check: setup-dev ## format, lint, types, imports and pipelines, changing nothing
	@$(RUN) -m ruff format --check .
	@$(RUN) -m ruff check .
	@$(RUN) -m mypy
	@.venv/bin/lint-imports --no-logo --no-cache
	@$(RUN) -m tools.check_pipelines

generate: setup-dev ## write all generated files, to be reviewed; CHARTS=FOLDER also all lists of the *.tgz there
	@$(if $(CHARTS),$(RUN) -m tools.chart_keys $(CHARTS))
	@$(if $(CHARTS),$(RUN) tools/servers.py helm)
	@$(if $(CHARTS),CHARTS_DIR=$(abspath $(CHARTS)) $(RUN) -m pytest -q --accept tests/test_charts.py -k facts)
	@$(RUN) -m components.settings
	@$(RUN) -m tools.settings_reference
	@$(RUN) -m tools.runbook_index
	@$(RUN) -m tools.policy_rules
	@$(RUN) -m pytest -q --accept tests/test_docs.py tests/test_golden.py tests/test_left_out.py

bench: setup ## measure previews and updates, as ratios, in some ten minutes
	@$(RUN) -m tools.bench

tour: setup ## take the pictures of docs/tour.md again, in some minutes
	@$(RUN) -m tools.tour

format: setup-dev ## put files into shape
	@$(RUN) -m ruff format .
	@$(RUN) -m ruff check --fix .
