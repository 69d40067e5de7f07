# Short names for what a contributor runs. pytest's and the benchmark's options: make test ARGS='-k barge_in'
SHELL := bash
PYTHON := venv-kokoro/bin/python

.PHONY: setup test fast coverage lint bench lock

setup:
	set -euo pipefail; source scripts/environment.sh; prepare_environment requirements.txt requirements-dev.txt requirements-cluster.txt

test:
	./run-tests.sh $(ARGS)

fast:
	./run-tests.sh --fast $(ARGS)

coverage: setup
	$(PYTHON) -m coverage run -m pytest -m "not model" $(ARGS)
	$(PYTHON) -m coverage combine --quiet
	$(PYTHON) -m coverage report

lint:
	./scripts/lint.sh

bench: setup
	$(PYTHON) -m bench $(ARGS)

# After a change of a version in pyproject.toml.
lock: setup
	$(PYTHON) scripts/lock.py
