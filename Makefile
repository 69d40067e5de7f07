# Short names for what a contributor runs. Options for the program behind a target: make test ARGS='-k barge_in'
# The directory of what is released: make dist sbom DIST=out
SHELL := bash
PYTHON := venv-kokoro/bin/python
DIST := dist
SBOM_PYTHON := $(PYTHON)

.PHONY: setup test fast coverage lint bench lock dist sbom

setup:
	set -euo pipefail; source scripts/environment.sh; prepare_environment requirements.txt requirements-dev.txt requirements-cluster.txt requirements-tracing.txt requirements-wyoming.txt

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

# The sdist, and from it the wheel, with the pinned hatchling.
dist: setup
	$(PYTHON) -m build --no-isolation --outdir $(DIST)

# What is installed beside $(SBOM_PYTHON), with the licences. cyclonedx-py cannot find the version, which hatchling does.
sbom: setup
	mkdir -p $(DIST)
	version=$$($(PYTHON) -m hatchling version) && \
	$(PYTHON) -m cyclonedx_py environment --output-reproducible --output-file $(DIST)/sbom.json \
		--pyproject <(sed "s/^dynamic = .*/version = \"$$version\"/" pyproject.toml) $(ARGS) $(SBOM_PYTHON)
