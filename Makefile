# Four words cover a day: run, test, check, setup. Each builds .venv first when it is missing or older than the lock.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
SUITE ?=

.PHONY: run setup test check conformance bench soak crowd browser pictures lock clean

run: setup
	@$(BIN)/python -m forward_proxy run $(ARGS)

setup: $(VENV)/.locked

$(VENV)/.locked: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 12))' \
	  || { echo "forward-proxy needs Python 3.12 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Building $(VENV) from requirements.lock (once, under a minute) ..."
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@touch $@

test: setup
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

check: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# Writes docs/conformance.md; SUITE is a checkout of http-tests/cache-tests. Without it, says how to get one.
conformance: setup
	@$(BIN)/python -m bench.conformance $(SUITE)

# Writes docs/measurements.md and plots (about twenty minutes); QUICK=1 takes less than three, ONLY='tls hit'
# measures less, and either only prints.
bench: setup
	@$(BIN)/python -m bench $(if $(QUICK),--quick) $(if $(ONLY),'--only=$(ONLY)')

# A million mixed requests, an hour or so; COUNT=100000 shortens, LANE=off asks the chain alone.
soak: setup
	@$(BIN)/python -m bench.soak $(or $(COUNT),1000000) $(LANE)

# Writes docs/crowd.md: many clients who want the same at once.
crowd: setup
	@$(BIN)/python -m bench.crowd

# Writes docs/browser.md: HTTP/2 or HTTP/1.1 for Chromium.
browser: setup
	@$(BIN)/python -m bench.browser

# Writes docs/live.svg, docs/denied.png, docs/unblocking.png, docs/budget.png and docs/setup.png.
pictures: setup
	@$(BIN)/python -m bench.pictures
	@$(BIN)/python -m bench.denied
	@$(BIN)/python -m bench.onboarding

# Needs uv; writes a lock for every platform and Python from 3.12 on, naming no index.
lock:
	uv pip compile pyproject.toml --extra fast --extra check --extra test --universal --python-version 3.12 \
	  --generate-hashes --no-header --no-emit-index-url --no-annotate --upgrade -o requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache .hypothesis
