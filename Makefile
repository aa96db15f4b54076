# Every command of the README. Needs Python >= 3.11, git and make; packages come from PyPI by hash.
PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
ADVISORIES ?= https://api.osv.dev/v1/query

.DEFAULT_GOAL := help
.PHONY: help install install-scale install-parquet dev run serve check test browser soak scale bench-poll machine lint types contracts lock audit sbom drift format clean

help:  ## show these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11) or sys.version_info[:2] > (3, 13))' \
	  || { echo "Tocsin needs Python 3.11 to 3.13; name one: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock

.venv/installed: .venv/bin/uv requirements.lock pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@touch $@

install: .venv/installed  ## make .venv with the locked versions (idempotent)

.venv/installed-scale: .venv/installed requirements-scale.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-scale.lock
	@touch $@

install-scale: .venv/installed-scale  ## the same with what detection on a Dask cluster needs

.venv/installed-parquet: .venv/installed requirements-parquet.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-parquet.lock
	@touch $@

install-parquet: .venv/installed-parquet  ## the same with what exports as Parquet need

dev: .venv/installed-dev  ## the same with the tools for tests

run: install  ## replay seeds/ through the real flows on loopback and print every alert
	$(BIN)/tocsin run

serve: install  ## run the scheduled flows on the feeds in config/ until stopped
	$(BIN)/tocsin serve

test: dev  ## run the tests; WORKERS=2 on so many cores
	$(BIN)/pytest $(if $(WORKERS),-n $(WORKERS) --dist worksteal)

browser: dev  ## run the dashboard's tests in a real Chromium; without one `make test` leaves them out
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && apt-get update -q && apt-get install -q -y chromium; } \
	  || { echo "No Chromium here: on Debian, apt-get install chromium."; exit 1; }
	$(BIN)/pytest tests/web/test_browser.py

soak: dev  ## half an hour of feeds that lie, clocks that jump, workers that are killed: nothing may be lost
	$(BIN)/python benchmarks/soak.py --minutes 30

soak-short: dev  ## the same in a minute and a half
	$(BIN)/python benchmarks/soak.py --minutes 1 --feeds 100

scale: dev  ## workers of Prefect that are killed, a pool that runs what was deployed, a Dask cluster (some minutes)
	TOCSIN_SCALE=long $(BIN)/pytest -q tests/scale tests/flows/test_deploying.py

operate: dev  ## follow docs/operate.md on a clean Debian in a folder; needs root and debootstrap
	$(BIN)/python -m tests.operate.clean

machine: dev  ## drive a watch through 200 random orders of 50 things each beside the reference model (some minutes)
	TOCSIN_MACHINE=200x50 $(BIN)/pytest -q -s tests/faults/test_state_machine.py

bench-poll: dev  ## measure polling; READER_PYTHON names a Python with lemon24/reader, to compare with
	$(BIN)/python benchmarks/poll.py $(if $(READER_PYTHON),--reader-python $(READER_PYTHON))

lint: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: dev
	$(BIN)/mypy

contracts: dev
	$(BIN)/lint-imports

check: lint types contracts test  ## everything that CI runs
	$(BIN)/tocsin check

audit: dev  ## ask an advisory service whether a locked version is known to be vulnerable; exit 2: it did not answer
	@said=$$($(BIN)/pip-audit --progress-spinner off --require-hashes --disable-pip --vulnerability-service osv \
	    --osv-url $(ADVISORIES) -r requirements.lock 2>&1); code=$$?; printf '%s\n' "$$said" | tail -n 100; \
	case "$$code:$$said" in \
	  0:*) ;; \
	  *"Found "*) exit 1 ;; \
	  *) echo "audit: nothing was checked: no usable answer from $(ADVISORIES)" >&2; exit 2 ;; \
	esac

drift: dev  ## run the tests under the newest versions that pyproject.toml allows, for a scheduled job: not what is installed
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .cache/newest
	$(BIN)/uv pip install --quiet --python .cache/newest/bin/python --upgrade --group build --group dev -e '.[parquet]'
	.cache/newest/bin/python -m pytest

sbom: dev  ## write sbom.json: what is installed, as CycloneDX, out of the lock
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --output-format JSON \
	  --output-file sbom.json requirements.lock

format: dev  ## rewrite the code in the house's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: .venv/bin/uv  ## resolve the dependencies anew (hashes only, no addresses)
	echo "uv==$(UV_VERSION)" | $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	  --no-annotate --python-version 3.11 --custom-compile-command "make lock" - -o requirements-uv.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	  --custom-compile-command "make lock" --group build pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	  --custom-compile-command "make lock" --group build --extra scale -c requirements.lock pyproject.toml -o requirements-scale.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	  --custom-compile-command "make lock" --group build --extra parquet -c requirements.lock pyproject.toml -o requirements-parquet.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	  --custom-compile-command "make lock" --group build --group dev --extra scale --extra parquet -c requirements-scale.lock \
	  -c requirements-parquet.lock pyproject.toml -o requirements-dev.lock

clean:  ## remove the environment and caches, not the state
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
