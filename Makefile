# `make demo` runs the first benchmark, `make test` the checks. Both build .venv first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(abspath $(VENV))/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# dm-control asks for labmaze, which has no build for Python 3.13 and which the suite does not use.
NEWER := $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 13))'
DM_CONTROL = @if $(NEWER); then $(INSTALL) --no-deps dm-control; fi
DECLARED := pyproject.toml setup.py constraints.txt
ROOTS := envs tasks agents leaderboards
TYPED := build/typed
# `make test SLOW=1` runs the tests marked slow too.
MARKED := $(if $(SLOW),,-m "not slow")

.PHONY: help demo test docs install install-dev lint types tests lock clean
.DELETE_ON_ERROR:

help:
	@echo "make demo     three families in two minutes, a claim judged, and a page to open"
	@echo "make test     ruff, mypy and pytest; SLOW=1 adds the slow tests, as CI does"
	@echo "make docs     the pages of docs/ as a site in build/docs, links checked"
	@echo "make lock     add to constraints.txt what is new; UPGRADE=1 renews all of it"
	@echo "make clean    remove $(VENV) and what the tools cached"
	@echo "PYTHON=... chooses the interpreter (3.11 or newer), VENV=... the environment."

demo: install
	$(BIN)/leapbench demo

test: install-dev lint types tests

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy does not follow editable installs that rename folders, so it is shown the
# package as it is when installed: links in one folder.
types:
	@rm -rf $(TYPED) && mkdir -p $(TYPED)/leapbench
	@ln -s $(CURDIR)/leapbench/* $(TYPED)/leapbench/
	@for root in $(ROOTS); do ln -s $(CURDIR)/$$root $(TYPED)/leapbench/$$root; done
	cd $(TYPED) && $(BIN)/mypy --config-file $(CURDIR)/pyproject.toml --cache-dir $(CURDIR)/.mypy_cache

tests:
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --dist loadfile $(MARKED)

# Pictures of the worlds are kept in build/worlds: the first build takes a minute or two more.
docs: install-dev
	OMP_NUM_THREADS=1 NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet
	@echo "Open build/docs/index.html; to search in it: python3 -m http.server -d build/docs"

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "leapbench needs Python 3.11 or newer: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(DECLARED) | $(VENV)/bin/python
	@echo "Installing leapbench and its dependencies into $(VENV) ..."
	$(INSTALL) --editable ".[dmc,atari]"
	$(DM_CONTROL)
	@touch $@

$(VENV)/.installed-dev: $(DECLARED) | $(VENV)/bin/python
	@echo "Installing leapbench with its tools into $(VENV) ..."
	$(INSTALL) --editable ".[all,dev,docs]"
	$(DM_CONTROL)
	@touch $@ $(VENV)/.installed

lock: $(VENV)/bin/python
	$(BIN)/python .ci/lock.py $(if $(UPGRADE),--upgrade) > constraints.new
	mv constraints.new constraints.txt

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis
