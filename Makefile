PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
PY := $(VENV)/bin/python
PIP := -m pip install --quiet --disable-pip-version-check
LOCKED := $(PIP) --require-hashes
COMPILE := $(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --annotation-style line \
	--custom-compile-command "make lock"
TESTS ?= tests

.DEFAULT_GOAL := help
.PHONY: help install run serve test soak fuzz check format bench quality cron lock

help: ## list what one can do here
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

install: $(VENV)/for-work ## make .venv with all that running, serving and testing need

run: $(VENV)/for-running ## one run of the whole pipeline
	@$(PY) fullprocess.py

serve: $(VENV)/for-running ## the API on 127.0.0.1:8000, or where RISK_BIND says
	@$(PY) -m gunicorn wsgi:app

test: $(VENV)/for-work ## the tests, on as many processes as there are cores
	@$(PY) -m pytest -n auto --dist worksteal $(TESTS)

soak: $(VENV)/for-work ## the tests that take longer than one waits
	@$(PY) -m pytest -n auto --dist worksteal --hypothesis-profile soak -m "slow or hypothesis" $(TESTS)

fuzz: $(VENV)/for-work $(VENV)/fuzz/made ## requests of every kind against the API's own description
	@$(PY) -m tests.fuzz $(VENV)/fuzz/bin/schemathesis

check: $(VENV)/for-work ## lint, format and types
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

format: $(VENV)/for-work ## mend what lint and format can mend by themselves
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

bench: $(VENV)/for-work $(VENV)/bench/made ## what the work costs beside other tools; BENCH=--quick for minutes
	@$(PY) -m benchmarks.speed $(BENCH)

quality: $(VENV)/for-work ## how good list, models and decisions are where the truth is known
	@$(PY) -m benchmarks.list
	@$(PY) -m benchmarks.months
	@$(PY) -m benchmarks.models
	@$(PY) -m benchmarks.decisions
	@$(PY) -m benchmarks.alarms

cron: $(VENV)/for-running ## print the crontab line of this checkout
	@$(PY) -m risk.crontab

# what the requirements stand for, file by file; uv keeps what is locked already and still fits
lock: $(VENV)/for-running ## lock files anew, after a change to a requirements*.txt
	@$(PYTHON) -m venv $(VENV)/lock
	@$(VENV)/lock/bin/python $(PIP) uv==0.13.9
	@$(COMPILE) requirements-dev.txt -o requirements-dev.lock
	@$(COMPILE) requirements.txt -c requirements-dev.lock -o requirements.lock
	@$(COMPILE) requirements-databases.txt -c requirements-dev.lock -o requirements-databases.lock
	@$(COMPILE) requirements-fuzz.txt -o requirements-fuzz.lock
	@$(COMPILE) requirements-bench.txt -o requirements-bench.lock

$(VENV)/for-running: requirements.lock
	@echo "making $(VENV), this happens once"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@$(PYTHON) -m venv $(VENV)
	@$(PY) $(LOCKED) -r requirements.lock
	@$(PY) -m compileall -q risk
	@touch $@

$(VENV)/for-work: requirements-dev.lock $(VENV)/for-running
	@$(PY) $(LOCKED) -r requirements-dev.lock
	@touch $@

$(VENV)/fuzz/made: requirements-fuzz.lock $(VENV)/for-running
	@$(PYTHON) -m venv $(VENV)/fuzz
	@$(VENV)/fuzz/bin/python $(LOCKED) -r requirements-fuzz.lock
	@touch $@

$(VENV)/bench/made: requirements-bench.lock $(VENV)/for-running
	@$(PYTHON) -m venv $(VENV)/bench
	@$(VENV)/bench/bin/python $(LOCKED) -r requirements-bench.lock
	@touch $@
