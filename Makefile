# The commands of this project; `make` alone lists them.

.DEFAULT_GOAL := help
SEEDS ?= 1
.PHONY: help setup build demo test test-faults soak check bench fuzz ci

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

setup: ## find or fetch PostgreSQL and nats-server (done once, safe to repeat)
	@python3 deploy/dev/setup

build: ## the release binary, target/release/dlr
	cargo build --release --locked

demo: FOR ?= 20s
demo: setup ## real servers, simulated carriers, a balanced ledger at the end; FOR=60s, ARGS="--rate 5000"
	cargo run --release --locked -- dev --for $(FOR) $(ARGS)

test: setup ## every test, on real servers; ARGS="NAME" chooses
	cargo test --locked $(ARGS)

test-faults: setup ## everything that may fail, clusters and long outages too: a quarter of an hour a seed; SEEDS="1 2 3"
	@for seed in $(SEEDS); do echo "seed $$seed"; DLR_FAULTS_SEED=$$seed cargo test --locked --test integration -- \
	  --include-ignored --test-threads=6 --skip faults::walk::soak faults:: clusters:: crashes:: outages:: || exit 1; done

soak: FOR ?= 10m
soak: setup ## a random walk through all that may fail, seed after seed, for FOR=10m; SEED=100 is the first
	DLR_SOAK_FOR=$(FOR) DLR_SOAK_SEED=$(or $(SEED),100) cargo test --locked --test integration -- \
	  --ignored --nocapture faults::walk::soak

check: ## formatting, lints and documentation, warnings as errors
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

bench: setup ## what a receipt costs, step by step and on real servers, in minutes; ARGS="--plain"
	cargo build --release --locked --bin dlr --example load
	cargo bench --locked --bench receipt -- --warm-up-time 0.3 --measurement-time 1
	cargo run --release --locked --example load -- short $(ARGS)

fuzz: FOR ?= 20s
fuzz: ## search for input that breaks a rule; TARGET=json, archive or text, FOR=10m
	@bash fuzz/run "$(TARGET)" $(FOR)

ci: ## everything that a change must pass
	bash .ci/run
