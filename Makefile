# `make` alone lists what there is.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
# Debian packages beside PyPI: a reader library, a browser for the screen tests, letters for pictures of Chinese, Redis for
# the second pass of its tests, poppler for a second opinion on our PDFs, and CUPS's own test printer with what it needs.
DEBIAN := libzbar0 chromium fonts-noto-cjk redis-server poppler-utils cups-ipp-utils cups-client dbus avahi-daemon
WORKERS ?= 2
# A file stays with one worker, so that what its tests share is made once.

.DEFAULT_GOAL := help
.PHONY: help demo test check bench slow client lock system clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

demo: .venv/ready system ## the whole life of a case of bottles, then a small traffic; Ctrl-C stops it
	$(BIN)/onecode demo

test: .venv/ready system check ## everything: unit, flow, race and browser tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

check: .venv/ready ## the fast half: ruff, mypy, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

slow: .venv/ready system ## the long proofs: many kills, many seeds
	$(BIN)/python -m pytest -m slow --timeout 3600

bench: .venv/ready system ## every benchmark, one JSON line each
	$(BIN)/onecode bench all --json

client: .venv/ready ## write the typed client anew from the API's contract
	$(BIN)/python -m scan_api.client.generate > scan_api/client/api.py.part
	$(BIN)/ruff format -q - --stdin-filename api.py < scan_api/client/api.py.part > scan_api/client/api.py
	@rm scan_api/client/api.py.part

lock: .venv/ready ## pin dependencies anew, with hashes and without addresses
	$(BIN)/python -m pip install -q uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --quiet --upgrade -o requirements.lock

.venv/ready: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Installs what is missing when it may; otherwise says what to type. Instant when nothing is missing.
system:
	@missing=""; for p in $(DEBIAN); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing Debian packages:$$missing"; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	  else \
	    echo "These system packages are missing:$$missing"; \
	    echo "Install them once:  sudo apt-get install$$missing   (pyzbar needs libzbar0, screen tests need chromium and a Chinese font, PDF tests poppler-utils, printer tests cups-ipp-utils)"; \
	  fi; \
	fi

clean: ## remove the virtual environment and caches; your data under .onecode/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
