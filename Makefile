# `make` alone tells what there is. Every target makes what it needs first; a second call is instant.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMPS := $(VENV)/.stamps
PORT   ?= 8881
TESTS  ?= tests
# A start must not wait for some thousand modules to be compiled, even where Python may not write bytecode.
export UV_COMPILE_BYTECODE := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install run test check format simulate rehearse proof bench bench-server docs requirements clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

install: $(STAMPS)/runtime ## make .venv and install the project and its tools into it

run: $(STAMPS)/runtime ## start the demo; with a terminal it opens a handset
	@exec $(BIN)/ussd demo

test: $(STAMPS)/dev $(STAMPS)/postgresql $(STAMPS)/peers ## run all tests (real servers are started on spare ports)
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(TESTS)

check: $(STAMPS)/dev ## format, lint, types, rooms, menus
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/ussd check --strict --against docs/dialled.json

format: $(STAMPS)/dev ## write the format that check asks for
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

rehearse: $(STAMPS)/runtime ## back the database of USSD_DATABASE__URL up, restore it beside, compare
	@$(BIN)/python deploy/rehearse_restore.py --keep .data/dumps --ussd $(BIN)/ussd

simulate: $(STAMPS)/dev ## play faults against the money domain: SEEDS=500, or one again with SEED=n
	@$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),500))

proof: $(STAMPS)/dev $(STAMPS)/postgresql $(STAMPS)/peers ## the full figures, hours long; goes on where it was stopped
	@$(BIN)/python -m tests.simulation --proof
	@$(BIN)/python -m tests.kills --proof
	@$(BIN)/python -m tests.adapters.fuzz 600000
	@$(BIN)/python -m tests.adapters.gsup.fuzz 200000
	@$(BIN)/python -m tests.adapters.smpp.fuzz 200000
	@$(BIN)/python -m tests.adapters.smpp.drops 100

bench: $(STAMPS)/dev $(STAMPS)/postgresql ## the benchmarks; prints tables
	@$(BIN)/python -m bench

bench-server: $(STAMPS)/runtime ## one worker with the bench menu; sessions in USSD_REDIS__URL (PORT=n)
	@exec $(BIN)/python -m app.benchmenu --port $(PORT)

docs: $(STAMPS)/runtime ## draw docs/pictures and write docs/menu.schema.json anew
	@mkdir -p docs/pictures
	@$(BIN)/ussd schema > docs/menu.schema.json
	@$(BIN)/ussd graph menus --language en --menu merchant > docs/pictures/merchant-menu.svg
	@$(BIN)/ussd graph menus --language en --menu customer > docs/pictures/customer-menu.svg
	@$(BIN)/ussd handset --wire here --picture docs/pictures/handset.svg --keys '*880**0*901234567*50000#'
	@$(BIN)/ussd handset --wire here --picture docs/pictures/handset-sms.svg --keys '*880**0*901234567*50000#' \
	  --keys '<tab>' --keys '*880#' --keys 1 --keys '<f2>'

requirements: $(STAMPS)/venv ## pin pyproject.toml's dependencies anew
	$(BIN)/uv pip compile pyproject.toml --extra speed --group build $(PIN) -o requirements.txt
	$(BIN)/uv pip compile pyproject.toml --extra speed --group dev -c requirements.txt $(PIN) -o requirements-dev.txt

PIN := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade

clean: ## remove what was made, the demo's data too
	rm -rf $(VENV) .data .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .proof build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ensurepip is what Debian moves out of python3 into python3-venv.
$(STAMPS)/venv:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) can't make virtual environments: apt-get install python3-venv (as root), then again" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/pip install --quiet --disable-pip-version-check uv
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/runtime: requirements.txt pyproject.toml | $(STAMPS)/venv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirements requirements.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q $(wildcard ussd_engine adapters simulator invoicing cabinet app)
	@touch $@

$(STAMPS)/dev: requirements-dev.txt $(STAMPS)/runtime
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirements requirements-dev.txt
	@touch $@

# The tests and the benchmarks run a PostgreSQL of their own; Debian keeps its programs off the path.
$(STAMPS)/postgresql: | $(STAMPS)/venv
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || { \
	  test "$$(id -u)" = 0 && command -v apt-get >/dev/null && { apt-get update -qq; \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >/dev/null; }; } || { \
	  echo "PostgreSQL is missing (the tests start their own server): apt-get install -y postgresql, as root, then again" >&2; exit 1; }
	@touch $@

# Real peers of the tests: an SMPP centre of node-smpp, Debian's kannel, osmo-hlr, haproxy, chromium for the pages, tshark
# to read what was sent, and what checks the files of deploy/.
PEER := tests/peers/smpp_node
PEERS := nodejs npm tshark osmo-hlr kannel haproxy chromium openssl prometheus systemd
PROGRAMS := npm tshark osmo-hlr bearerbox haproxy chromium openssl promtool systemd-analyze
missing = PATH=$$PATH:/usr/sbin; for one in $(PROGRAMS); do command -v $$one || echo missing; done | grep -qx missing
$(STAMPS)/peers: $(PEER)/package-lock.json | $(STAMPS)/venv
	@! { $(missing); } || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PEERS) >/dev/null; } || { \
	  echo "a peer of the tests is missing; as root: apt-get install -y $(PEERS), then again" >&2; exit 1; }
	@npm ci --prefix $(PEER) --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@
