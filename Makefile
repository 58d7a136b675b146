# The one entry point, for people and for CI. `make help` lists what there is.

CONFIG ?= config/tandem.toml

# Stages of `make test-fast`: no program from outside but cargo.
FAST := tidy licences fmt lint unit docs
# Stages against programs from outside: one folder of tests/interop each, with a `run` in it.
INTEROP := $(patsubst tests/interop/%/run,%,$(sort $(wildcard tests/interop/*/run)))

# Examples that run by themselves: one folder of examples each, with a `run` in it.
EXAMPLES := $(patsubst examples/%/run,example-%,$(sort $(wildcard examples/*/run)))

# nextest runs the tests when it is there; plain cargo passes them as well.
NEXTEST := $(shell command -v cargo-nextest 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help run packages test test-fast test-interop test-examples test-oracles fmt lint bench

help:
	@echo 'make run           build, start with $(CONFIG), two demo phones call each other'
	@echo 'make test          every test; installs the Debian packages that the tests need'
	@echo 'make test-fast     tidy, licences, format, lint, unit and simulator tests, documentation'
	@echo 'make test-interop  against sipp, baresip and friends: $(INTEROP)'
	@echo 'make test-examples the examples: $(EXAMPLES)'
	@echo 'make test-oracles  our parsers and codecs beside those of other crates'
	@echo 'make stage-NAME    one stage of the above by itself'
	@echo 'make fmt           format the code'
	@echo 'make lint          clippy, warnings are errors'
	@echo 'make bench         benchmarks'

run: packages
	exec cargo run --package tandem -- serve --demo --config $(CONFIG)

# Rust needs a linker, AWS-LC (the cryptography of TLS) and libopus a C compiler: gcc is both. libopus is built by cmake.
packages:
	@command -v cc >/dev/null || .ci/packages gcc libc6-dev
	@command -v cmake >/dev/null || .ci/packages cmake

test: packages
	@.ci/stages $(FAST) build $(INTEROP) $(EXAMPLES) oracles

test-fast: packages
	@.ci/stages $(FAST)

test-interop: packages
	@.ci/stages build $(INTEROP)

test-examples: packages
	@.ci/stages build $(EXAMPLES)

test-oracles: packages
	@.ci/stages oracles

fmt:
	cargo fmt --all

lint: stage-lint

bench:
	@echo 'not yet: there are no benchmarks in this version'

# One stage each.

.PHONY: $(addprefix stage-,$(FAST) build oracles $(INTEROP) $(EXAMPLES))

stage-tidy:
	cargo xtask tidy

stage-licences:
	cargo xtask licences

stage-fmt:
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/libfuzzer/Cargo.toml --check

stage-lint:
	cargo clippy --workspace --all-targets --locked -- -D warnings

# Properties are tried with the same inputs each time; without the variable, by `cargo test`, with others.
stage-unit: export PROPTEST_RNG_SEED = 7
stage-unit:
ifdef NEXTEST
	cargo nextest run --workspace --locked --no-fail-fast
	cargo test --workspace --locked --doc --quiet
else
	cargo test --workspace --locked --no-fail-fast
endif

stage-docs:
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --locked --no-deps --document-private-items

# What `unit` built already, by the same features: nothing is compiled twice.
stage-build:
	cargo build --locked --workspace --bins --examples

stage-oracles:
	cargo fmt --manifest-path oracles/Cargo.toml --check
	cargo test --manifest-path oracles/Cargo.toml --locked --target-dir $${CARGO_TARGET_DIR:-target}

$(addprefix stage-,$(INTEROP)): stage-%:
	tests/interop/$*/run

$(addprefix stage-,$(EXAMPLES)): stage-example-%:
	examples/$*/run
