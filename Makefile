# The first of these needs the network; the others don't, once it has run. `make run` is all that a user needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
DEV_LOCKS := requirements-dev.txt tests/emulator/requirements.txt
PIP := $(BIN)/python -m infra.install

STAGE_OR_STOP = $(or $(STAGE),$(error say which installation: make $(MAKECMDGOALS) STAGE=prod))

.DEFAULT_GOAL := help
.PHONY: help install develop run demo cloud bench cost deploy diff rollback destroy audit console screenshots test check static units emulator fuzz faults faults-engine faults-media faults-guards soak clean lock

help: ## Show what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

install: $(STAMP) ## Fetch what the product needs, once

$(STAMP): requirements-run.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name it: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || test -x $(BIN)/pip || { echo "Python cannot make environments here: apt-get install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/pip || { echo "Making an environment for Python in $(VENV) …"; $(PYTHON) -m venv $(VENV); }
	@$(PIP) "the libraries and Caddy" requirements-run.txt
	@touch $@

develop: $(DEV_STAMP) ## Fetch what tests and deployment need, too

$(DEV_STAMP): $(STAMP) $(DEV_LOCKS) requirements.txt
	@$(PIP) "what tests and checks need" $(DEV_LOCKS)
	@$(BIN)/python -m infra.aws.vendor
	@touch $@

run: install ## Run the whole product on this machine
	@$(BIN)/python -m infra.local run

demo: install ## Prove the main path on a running or a fresh instance
	@$(BIN)/python -m infra.local.demo

cloud: develop ## Run the packaged functions on an emulator of AWS, for developers; on loopback only
	@$(BIN)/python -m tests.emulator

bench: develop ## How fast it is, beside a floor and a peer in the same run; some minutes, on a quiet machine
	@bench/install
	@$(BIN)/python -m bench

cost: develop ## What the cloud half costs on AWS, counted call by call; for developers
	@$(BIN)/python -m tests.cost $(if $(JSON),--json $(JSON)) $(if $(DOCS),--docs)

deploy: develop ## Create or change an installation on AWS: make deploy STAGE=prod [SET="PublicUrl=https://live.example.com"]
	@$(BIN)/python -m infra.aws deploy --stage $(STAGE_OR_STOP) $(foreach pair,$(SET),--set $(pair))

diff: develop ## What deploy would change there; changes nothing
	@$(BIN)/python -m infra.aws diff --stage $(STAGE_OR_STOP) $(foreach pair,$(SET),--set $(pair))

rollback: develop ## Go back to its last good deployment
	@$(BIN)/python -m infra.aws rollback --stage $(STAGE_OR_STOP)

destroy: develop ## Remove its functions; the data stays, but with DATA=delete
	@$(BIN)/python -m infra.aws destroy --stage $(STAGE_OR_STOP) $(if $(filter delete,$(DATA)),--data)

audit: develop ## What checkov says of the templates of AWS
	@$(BIN)/python -m infra.aws.audit

console: develop ## Build the console from its sources; what comes out is committed
	@$(BIN)/python -m console.build

screenshots: develop ## Pictures of every page of the console into .cache/screenshots
	@infra/install-media-tools
	@$(BIN)/python -m tests.e2e.screenshots

check: develop ## Format, lint, types, import contracts, unit tests
	@# The unit tests wait much of their time: the other checks run meanwhile.
	@$(MAKE) --no-print-directory --jobs=2 --keep-going static units

static:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m console.build --check

units:
	$(BIN)/pytest -n 3 $(wildcard tests/unit tests/wire)

test: check ## Everything, with media and the demonstration
	@infra/install-media-tools
	$(BIN)/pytest -n 2 $(wildcard tests/contract tests/app tests/security tests/cost)
	$(BIN)/pytest -n 2 --dist loadfile $(wildcard tests/faults tests/package tests/emulator tests/media)
	$(BIN)/pytest tests/clients
	@# They wait most of their time for media: three at once are not slower each.
	$(BIN)/pytest -n 3 --dist loadfile -m "not alone" tests/e2e; others=$$?; $(BIN)/pytest -m alone tests/e2e && test $$others = 0 || $(BIN)/python -m tests.again tests/e2e
	$(MAKE) --no-print-directory demo

emulator: develop ## Everything at the emulator of AWS, with what is too long for `make test`
	@infra/install-media-tools
	SLUICE_EMULATOR_LONG=1 $(BIN)/pytest -n 2 --dist loadfile tests/package tests/emulator

fuzz: develop ## The parsers, the front and the API with many more made-up inputs than in a test run
	SLUICE_FUZZ=1 $(BIN)/pytest -n 2 tests/security tests/unit tests/wire

FAULTS_REPORT = $(or $(REPORT),.cache/faults.jsonl)

# How often each is tried; fewer where there is less time: make faults SEEDS=100 NODES=100 BACKLOG=5000
SEEDS ?= 700
NODES ?= 1000
KILL_POINTS ?= 600
KILLS ?= 200
DAMAGES ?= 300
BACKLOG ?= 100000
# These watch over their own time: pytest gives a test five minutes.
PATIENTLY = $(BIN)/pytest -o faulthandler_timeout=0
FAULTS_LONG = SLUICE_FAULTS_LONG=1 SLUICE_FAULTS_REPORT=$(FAULTS_REPORT)

faults: develop ## All faults, the long versions (hours); what came of it goes into docs/reliability.md
	@# What fails in one part keeps no other from being tried.
	@$(MAKE) --no-print-directory --keep-going faults-engine faults-media faults-guards
	$(BIN)/python -m tests.faults.reliability $(FAULTS_REPORT)

faults-engine:
	$(FAULTS_LONG) SLUICE_KILLS=$(KILLS) SLUICE_SPOOL_DAMAGES=$(DAMAGES) SLUICE_SIM_SEEDS=$(SEEDS) SLUICE_SIM_NODES=$(NODES) \
		SLUICE_KILL_POINTS=$(KILL_POINTS) SLUICE_BACKLOG=$(BACKLOG) \
		$(PATIENTLY) -n 2 --dist loadfile --ignore tests/faults/test_media.py tests/faults tests/unit/edge_agent/test_edge_spool.py

faults-media:
	@# By itself: real media, and what was promised of it in seconds.
	$(FAULTS_LONG) $(PATIENTLY) tests/faults/test_media.py

faults-guards:
	$(FAULTS_LONG) $(BIN)/python -m tests.faults.mutations

soak: develop ## Ten publishers and ten pushes for 30 minutes while processes are killed and stopped
	SLUICE_FAULTS_REPORT=$(FAULTS_REPORT) $(BIN)/python -m tests.faults.soak --minutes $(or $(MINUTES),30)

lock: develop ## Renew the locked versions from the .in files
	test -x $(BIN)/uv || $(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" requirements-run.in -o requirements-run.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" --constraint requirements-run.txt requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" --constraint requirements-dev.txt tests/emulator/requirements.in -o tests/emulator/requirements.txt

clean: ## Remove what was built; the data and the environment stay
	rm -rf .build .cache .chalice/deployments .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
