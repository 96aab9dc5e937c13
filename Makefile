# Two commands matter: `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
ENV := . scripts/env.sh
CLUSTER := e2e/cluster/cluster
VERSION := $(shell sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)

.PHONY: help
help: ## what there is
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' Makefile | awk -F '\t' '{ printf "  make %-14s %s\n", $$1, $$2 }'

.PHONY: setup
setup: ## what a build needs and is not there yet
	@scripts/setup

.PHONY: demo
demo: ## a streaming job on real flights, in this terminal; Ctrl-C, then again: it goes on
	@scripts/setup
	$(ENV)
	echo "building sabot (the first time compiles all dependencies)"
	began=$$SECONDS
	cargo build --workspace --bin sabot
	echo "built in $$((SECONDS - began)) s"
	exec "$$CARGO_TARGET_DIR/debug/sabot" run examples/flights.yaml

.PHONY: test
test: ## formatting, lints, all tests, and cases 1, 3, 5 and one more on a real cluster
	@scripts/test

.PHONY: e2e
e2e: ## all cases on a real cluster (CASES=2,4 for some)
	@scripts/test --only-cluster --cases "$(or $(CASES),all)"

.PHONY: test-kafka
test-kafka: ## all tests of topics, against a real Kafka broker, which is started for them
	@scripts/setup
	$(ENV)
	cargo test --workspace --lib --test kafka --no-run --quiet
	scripts/with-kafka cargo test --workspace --lib --test kafka --quiet -- kafka

.PHONY: sim
sim: ## the simulation (SEED=7 replays one seed, SEEDS=1000 tries more)
	@scripts/setup
	$(ENV)
	$(if $(SEED),export SABOT_SIM_SEED=$(SEED))
	$(if $(SEEDS),export SABOT_SIM_SEEDS=$(SEEDS))
	cargo test --workspace --test sim -- $(if $(SEED),one_seed) --nocapture

.PHONY: bench
bench: ## what each Nexmark query costs (QUERIES="q0 q4", EVENTS=3000000, PROFILE=dev, WRITE=1)
	@scripts/setup
	scripts/bench

.PHONY: bench-flink
bench-flink: ## the same for Flink 2.2 and Sabot, one right after the other, and the ratio
	@scripts/setup
	scripts/bench-flink

.PHONY: flink-goldens
flink-goldens: ## asks Flink 2.2 for the answers that tests compare with (ONLY=queries, ONLY=expressions)
	@scripts/setup
	scripts/flink-goldens

.PHONY: bench-parts
bench-parts: ## benchmarks of single operators, optimised
	@scripts/setup
	$(ENV)
	cargo bench --workspace --bench nexmark --bench window_aggregate

.PHONY: bench-targets
bench-targets: ## a pipeline, state and checkpoints against their targets (RATE=500000, KEYS=10000000, GB=10, BIG_GB=4, DIR=/var/tmp, PROFILE=dev)
	@scripts/setup
	$(ENV)
	scripts/bench-pipeline
	cargo bench --workspace --profile "$(or $(PROFILE),release)" --bench targets

.PHONY: reference
reference: ## writes docs/reference/sql.md, from what the planner knows
	@$(ENV)
	cargo build --workspace --bin sqlref
	"$$CARGO_TARGET_DIR/debug/sqlref" docs/reference/sql.md

.PHONY: fmt
fmt: ## format the code
	@cargo fmt --all

.PHONY: images
images: ## container images sabot/runtime and sabot/controller, by docker or podman
	@tool=$$(command -v docker || command -v podman || { echo "neither docker nor podman is installed" >&2; exit 1; })
	"$$tool" build --target runtime -t sabot/runtime:$(VERSION) .
	"$$tool" build --target controller -t sabot/controller:$(VERSION) .

.PHONY: cluster-up
cluster-up: ## a cluster of your own to try things on (NODES=2), with S3, Kafka, Prometheus and the images
	@scripts/setup
	$(ENV)
	$(CLUSTER) build
	cargo build --workspace --bins
	$(CLUSTER) up --nodes $(or $(NODES),1)
	$(CLUSTER) s3 up
	$(CLUSTER) kafka up
	$(CLUSTER) prometheus up
	$(CLUSTER) image
	echo "try: $(CLUSTER) kubectl get nodes; $(CLUSTER) help"

.PHONY: cluster-down
cluster-down: ## stop it and remove everything that it left
	@$(CLUSTER) down --purge
