# make app   the app, on the study that ships with the project
# make serve the app read-only, on one study: make serve STUDY=name
# make test  lint and every test but those that repeat others at length: make test-long
# make quick the tests that load no model and draw no chart: less than a minute on two idle cores
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501

# uv where it is there, else pip. With uv, TORCH=cpu takes the build of torch that brings no CUDA along.
ifneq ($(shell command -v uv 2>/dev/null),)
CREATE := uv venv --quiet --seed --python $(PYTHON) $(VENV)
INSTALL := uv pip install --quiet --python $(BIN)/python $(if $(TORCH),--torch-backend $(TORCH))
else
CREATE := $(PYTHON) -m venv $(VENV)
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

.PHONY: app serve test test-long test-trl lint format unit quick bench bench-full bench-screen bench-room calibrate mutate torture wild screenshots lock audit clean

app: $(VENV)/.app
	$(BIN)/python -m phcore app --port $(PORT)

serve: $(VENV)/.app
	$(BIN)/python -m phcore serve --read-only --port $(PORT) $(if $(STUDY),--study $(STUDY))

# Browsers wait for half of their time, and stand in turns with what computes: so three at once on two cores.
# What was compiled once is kept, whatever the shell says: three processes collect all tests, and start many more.
test: lint
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

# What tests do in part, done in full: every result damaged, every chart of every report, hundreds of simulations.
test-long: $(VENV)/.dev
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -m long

# The callback in TRL's own trainers, in an environment that has TRL.
test-trl: requirements-trl.txt
	test -x $(VENV)-trl/bin/python || $(PYTHON) -m venv $(VENV)-trl
	$(VENV)-trl/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-trl.txt
	OMP_NUM_THREADS=1 $(VENV)-trl/bin/python -m pytest -p no:xdist -p no:cacheprovider tests/trl

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

unit: $(VENV)/.dev
	$(BIN)/pytest tests/unit

quick: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -m "not model and not long" tests/unit --ignore tests/unit/figures --ignore tests/unit/export

bench: $(VENV)/.dev
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python scripts/bench.py

# Beside the plain way and other libraries; docs/performance.md says for which MODEL, RUN and PROBES. ToDACoMM wants a
# library of pictures that it does not use here, and that does not go with this torch: so it comes without what it asks.
bench-full: $(VENV)/.dev requirements-bench.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	test -x $(VENV)-todacomm/bin/python || $(PYTHON) -m venv $(VENV)-todacomm
	$(VENV)-todacomm/bin/python -m pip install --quiet --disable-pip-version-check \
		-r requirements.txt scikit-learn pyyaml tqdm matplotlib seaborn datasets
	$(VENV)-todacomm/bin/python -m pip install --quiet --disable-pip-version-check --no-deps todacomm==0.1.0
	$(BIN)/python -m scripts.side_by_side --todacomm $(VENV)-todacomm/bin/python \
		$(if $(MODEL),--model $(MODEL) --run $(RUN)) $(if $(PROBES),--probes $(PROBES))

# Twenty readers for five minutes.
bench-room: $(VENV)/.dev
	$(BIN)/python scripts/bench_room.py

# How often verdicts are wrong, and p-values below 0.05 where nothing happens: the tables of docs/method.md. Hours on two cores.
calibrate: $(VENV)/.dev
	$(BIN)/python scripts/calibrate_verdicts.py
	$(BIN)/python scripts/calibrate.py

# Whether tests notice random changes of the rules: docs/method.md. N of each module, drawn by SEED, of MODULES if not of all.
mutate: $(VENV)/.dev
	OMP_NUM_THREADS=1 nice -n 10 $(BIN)/python -m scripts.mutate -n $(or $(N),10) --seed $(or $(SEED),0) $(MODULES)

# Attacks on everything, from killed processes to spoilt files: docs/reliability.md. Some 50 minutes on two idle cores.
torture: $(VENV)/.dev requirements-torture.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-torture.txt
	$(BIN)/python -m scripts.torture

# Checkpoints as people have them: what is read, and what is refused with which words. docs/checkpoints.md is made of it.
wild: $(VENV)/.dev
	$(BIN)/python -m scripts.wild $(if $(ONLY),--only $(ONLY))

# What a reader waits for: needs Chromium.
bench-screen: $(VENV)/.dev
	$(BIN)/python scripts/bench_screen.py

# Real pictures of every page for the README: needs Chromium.
screenshots: $(VENV)/.dev
	$(BIN)/python scripts/screenshots.py

# Every package by its version and the digest of its file; torch, whose builds differ by machine, by its version.
$(VENV)/.app: requirements.txt requirements.lock
	test -x $(BIN)/python || $(CREATE)
	$(INSTALL) --require-hashes --no-deps -r requirements.lock
	$(INSTALL) -r requirements.txt
	touch $@

$(VENV)/.dev: $(VENV)/.app requirements-dev.lock
	$(INSTALL) --require-hashes --no-deps -r requirements-dev.lock
	touch $@

# After requirements changed: needs uv.
lock:
	$(BIN)/python scripts/lock.py

# Known weaknesses of what is installed, in an environment of their own: asks PyPI.
audit: $(VENV)/.dev
	$(PYTHON) -m venv build/audit
	build/audit/bin/pip install --quiet pip-audit
	build/audit/bin/pip-audit --requirement requirements.lock --no-deps --disable-pip

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .hypothesis
