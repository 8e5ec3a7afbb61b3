# What a person does here; `.ci/run` does the same.
.PHONY: help demo test lint bench chaos fuzz install lab-up lab-down

LAB := target/release/lab
NEBPLAY := target/release/nebplay
# Where nebplay can reach the lab's hosts.
IN_LAB := $(LAB) exec ctl $(NEBPLAY)

help:
	@echo 'make demo      build, start a federation of three zones, upgrade it from 7.0 to 7.2'
	@echo 'make test      install what tests need (as root), run all of them'
	@echo 'make lint      formatting and clippy'
	@echo 'make bench     nebplay beside its peers and the floor'
	@echo 'make chaos     upgrades and ways back in which every module meets every fault'
	@echo 'make fuzz      mutated input for everything that reads what others write'
	@echo 'make lab-up    start the federation and leave it running; make lab-down removes it'

demo: lab-up
	$(IN_LAB) status -i inventories/lab.ini
	$(IN_LAB) playbooks/upgrade.yml -i inventories/lab.ini
	$(IN_LAB) status -i inventories/lab.ini
	@echo 'the lab is still up: make lab-down removes it'

# Many tests wait for a process or a limit rather than work.
test: export RUST_TEST_THREADS ?= $(shell expr 4 '*' $$(nproc))

# The binary first: cargo builds a package's programs for that package's own tests only.
test: install
	cargo build --workspace
	cargo test --workspace

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings

bench: install
	cargo build --release --workspace
	target/release/bench

chaos: install
	cargo build --release --workspace
	target/release/chaos

# So long for each of six kinds: ten minutes on two cores.
fuzz:
	FUZZ_SECONDS=200 FUZZ_SEED=$$(date +%s) cargo test --release -p nebplay-tests --test fuzz

lab-up: install
	cargo build --release --workspace
	$(LAB) up --again

lab-down:
	$(LAB) down

install:
	@tests/install.sh
