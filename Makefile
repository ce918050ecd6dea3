# The commands of this project; `make` alone lists them.

.DEFAULT_GOAL := help
FOR ?= 20s
.PHONY: help setup build demo test check bench fuzz ci

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1|/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

setup: ## find or fetch PostgreSQL and nats-server (done once, safe to repeat)
	@python3 deploy/dev/setup

build: ## the release binary, target/release/dlr
	cargo build --release --locked

demo: setup ## real servers, simulated carriers, a balanced ledger at the end; FOR=60s, ARGS="--rate 5000"
	cargo run --release --locked -- dev --for $(FOR) $(ARGS)

test: setup ## every test, on real servers; ARGS="NAME" chooses
	cargo test --locked $(ARGS)

check: ## formatting, lints and documentation, warnings as errors
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

bench: setup ## what a receipt costs, step by step and on real servers, in minutes; ARGS="--plain"
	cargo build --release --locked --bin dlr --example load
	cargo bench --locked --bench receipt -- --warm-up-time 0.3 --measurement-time 1
	cargo run --release --locked --example load -- short $(ARGS)

fuzz: ## search for input that breaks a rule; TARGET=json, archive or text, FOR=10m
	@bash fuzz/run "$(TARGET)" $(FOR)

ci: ## everything that a change must pass
	bash .ci/run
