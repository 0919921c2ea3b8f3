# Partyline. `make` alone shows the targets.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
PORT ?= 8000
KILLS ?= 100

.DEFAULT_GOAL := help
.PHONY: help demo run test scenes faults lint bench lock

help: ## show the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(VENV)/runtime: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/development: $(VENV)/runtime tests/requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	@touch $@

demo: $(VENV)/runtime ## the product in a browser, no account anywhere; ARGS=--once plays it and ends
	$(BIN)/flask demo $(ARGS)

run: $(VENV)/runtime ## web (on PORT) and worker, from the environment or .env
	$(BIN)/flask migrate
	@trap 'kill 0' EXIT INT TERM; \
	$(BIN)/flask worker & \
	$(BIN)/granian --interface wsgi --factory --host 127.0.0.1 --port $(PORT) \
		--workers 1 --blocking-threads 32 app:create_app

test: $(VENV)/development ## the tests, on SQLite and PostgreSQL; scenes and faults are apart
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n auto --dist worksteal --ignore tests/faults --ignore tests/browser $(ARGS)

scenes: $(VENV)/development ## what people see, in a browser; PICTURES=1 keeps the pictures of docs/
	$(BIN)/pytest tests/browser $(ARGS)

faults: $(VENV)/development ## kill web and worker KILLS times while texts and plans flow
	KILLS=$(KILLS) $(BIN)/pytest tests/faults $(ARGS)

lint: $(VENV)/development ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/development ## measure, side by side; writes docs/performance.md; PARTS="…" does some
	$(BIN)/python -m tests.bench $(PARTS)

lock: $(VENV)/development ## pin the dependencies anew from pyproject.toml
	$(BIN)/uv pip compile --quiet --no-header --python-version 3.11 pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --no-header --python-version 3.11 --group dev pyproject.toml -o tests/requirements.txt
