# Tuan. `make` prints this help.
PORT ?= 8080
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# Debian's machines often have npm's files but an old Node, so both are asked.
NODE_FITS := $(shell command -v npm >/dev/null && node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null && echo yes)
NPM := $(if $(NODE_FITS),npm,PATH="$(CURDIR)/$(BIN):$$PATH" npm)
WEB_SOURCES := $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -print 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help setup run test drills interop check format web bench bench-quick api clean

help: ## What can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(BIN)/.ready web/dist/index.html ## Install everything, in this folder only

run: setup ## Serve the whole story on http://127.0.0.1:8080 (PORT=… for another port)
	@$(BIN)/tuan up --port $(PORT)

test: setup ## Everything a change must pass; installs Chromium, nginx and faketime where it may
	@tools/install-for-tests
	@$(MAKE) --no-print-directory check
	cd web && $(NPM) test --silent
	$(BIN)/pytest -n 2 --dist loadgroup

drills: setup ## What takes minutes: the same tests at full size, with their figures
	@tools/install-for-drills
	$(BIN)/pytest -m 'drill or short_drill'

check: setup ## Format, lint, types, architecture, and what is deployed
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_architecture.py
	@tools/check-deploy
	cd web && $(NPM) run check --silent

format: $(BIN)/.ready ## Let the tools put every line in order
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

web: web/dist/index.html ## Build the shop and the console

bench: $(BIN)/.ready ## Measure what we claim about speed (needs wrk and nginx; a quarter of an hour)
	$(BIN)/python -m bench

bench-quick: $(BIN)/.ready ## The same with fewer pairs, and without what is slow (two minutes)
	$(BIN)/python -m bench --quick

interop: $(BIN)/.ready ## Ask other people's libraries about our protocols (installs some 950 MB, once)
	$(BIN)/pytest -m interop tests/interop

api: $(BIN)/.ready ## Write the OpenAPI documents, and the pages' types from them
	$(BIN)/tuan openapi docs/api
	cd web && $(NPM) run types --silent

clean: ## Remove all that was installed or built; the data in .tuan stays
	rm -rf .venv .tuan-interop web/node_modules web/dist

$(BIN)/.ready: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: apt-get install python3"; exit 1; }
	@echo "Installing the Python packages into .venv (once, about a minute) …"
	@PYTHON="$(PYTHON)" tools/make-venv
	@$(BIN)/pip install --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

web/node_modules/.ready: web/package.json web/package-lock.json $(BIN)/.ready
	@test -n "$(NODE_FITS)" || { echo "No Node 20.19 or newer here: taking it from a Python package …"; $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-node.lock; }
	@echo "Installing the pages' packages (once) …"
	@cd web && $(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

web/dist/index.html: web/node_modules/.ready $(WEB_SOURCES)
	@echo "Building the shop and the console …"
	@cd web && $(NPM) run build --silent
	@find web/dist -type f -size +1k \( -name '*.js' -o -name '*.css' -o -name '*.html' -o -name '*.svg' \) -exec gzip -9nkf {} +
	@touch $@
