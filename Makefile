# What a newcomer and CI type. Needs make and Python 3.11 or newer; everything else goes into .venv.
#
#   make run      the demo: both sides of a shop brought into agreement (demo data is built on first use)
#   make test     the quick tests          make test-slow  the slow ones: CI runs both
#   make check    ruff, formatting, mypy --strict, import directions
#   make soak     a machine that edits, breaks and kills at random, SECONDS=600 long
#   make pages    the pages of docs/ that are made from the code: transitions, pairs
#   make schemas  the JSON Schemas that editors use, made anew from the settings' own classes
#   make bench    the first bench (docs/benchmarks.md)
#   make clean    caches, build output and the demo's data; .venv stays      make distclean   .venv too
#
# PYTHON=/path/to/python chooses the interpreter that .venv is made with.

VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal
CHECKED := syncd tests demo benchmarks

.DEFAULT_GOAL := help
.PHONY: help run test test-slow soak check schemas pages bench constraints clean distclean
.DELETE_ON_ERROR:

help:
	@sed -n 's/^#   //p' Makefile

# The interpreter: PYTHON where it is given, else the first that is new enough.
$(BIN)/python:
	@python='$(PYTHON)'; \
	if [ -z "$$python" ]; then \
	  for name in python3 python3.13 python3.12 python3.11; do \
	    if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; \
	  done; \
	fi; \
	if [ -z "$$python" ]; then \
	  echo "make: syncd needs Python 3.11 or newer, and none was found as python3, python3.13, python3.12 or python3.11." >&2; \
	  echo "  → install one (Debian, Ubuntu: apt-get install python3 python3-venv), or name yours: make PYTHON=/path/to/python …" >&2; \
	  exit 1; \
	fi; \
	if ! "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	  echo "make: PYTHON=$$python does not run, or is older than Python 3.11." >&2; exit 1; \
	fi; \
	if "$$python" -c 'import ensurepip' 2>/dev/null; then "$$python" -m venv $(VENV); \
	elif "$$python" -c 'import virtualenv' 2>/dev/null; then "$$python" -m virtualenv --quiet $(VENV); \
	else \
	  echo "make: $$python comes without ensurepip, so it cannot make a virtual environment with pip in it." >&2; \
	  echo "  → Debian, Ubuntu: apt-get install python3-venv; elsewhere: install virtualenv for it; then run make again" >&2; \
	  exit 1; \
	fi

# Two stamps: `make run` does not wait for the tools that only tests and checks need.
$(VENV)/.ready: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing syncd into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.ready-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing syncd and its tools for tests and checks into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(VENV)/.ready $@

# Exit 3 is a good end of this demo: everything that could be done was done, and some records wait for a person,
# because the demo's data holds contradictions that only a person can decide.
run: $(VENV)/.ready
	@$(BIN)/python -m demo.build
	@$(BIN)/syncd reconcile; code=$$?; \
	if [ $$code -eq 3 ]; then \
	  echo "(exit code 3: all is done but the records that wait for a person; demo/README.md says why they are there)"; \
	elif [ $$code -ne 0 ]; then exit $$code; fi

test: $(VENV)/.ready-dev
	@$(PYTEST) -q -m "not slow"

test-slow: $(VENV)/.ready-dev
	@$(PYTEST) -q -m slow

check: $(VENV)/.ready-dev
	@$(BIN)/ruff check $(CHECKED)
	@$(BIN)/ruff format --check $(CHECKED)
	@$(BIN)/mypy syncd demo benchmarks
	@$(BIN)/lint-imports

# As long as one likes, with random seeds: make soak SECONDS=3600
soak: $(VENV)/.ready-dev
	@$(BIN)/python -m tests.soak $(if $(SECONDS),--seconds $(SECONDS),)

pages: $(VENV)/.ready-dev
	@$(BIN)/python -m tests.core.pages

schemas: $(VENV)/.ready
	@$(BIN)/python -m syncd.config.schema

bench: $(VENV)/.ready-dev
	@$(BIN)/python -m benchmarks.first_contact

# After upgrading in .venv on purpose: write down what was tested. No index, no local path goes in.
constraints: $(VENV)/.ready-dev
	@$(BIN)/python -m pip freeze --exclude-editable | LC_ALL=C sort -f > constraints.txt
	@touch $(VENV)/.ready $(VENV)/.ready-dev

clean:
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage build dist state/reports state/demo.building
	@rm -f state/shop.db* state/sandbox.db* state/syncd.db*
	@find syncd tests demo benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	@rm -rf $(VENV)
