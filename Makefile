# make run    builds what is missing and starts the server on http://127.0.0.1:7700
# make build  the release binary, the SDK, the console and the demo
# make check  formatting, lints, documentation, licences, types
# make test   everything, in real sockets and a real browser
# make bench  what things cost: all scenarios on Lethe, on peers that are installed, and the machine's limits; some hours.
#             With RESUME=1 it goes on where it was interrupted
# make bench-deletion  what a deletion costs, for histories from 100 to 10^6 messages

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

# Root needs no sudo, and may have none.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
TOOLS := .cache/tools
DENY := $(TOOLS)/bin/cargo-deny
DENY_VERSION := 0.20.2
GUNGRAUN := $(TOOLS)/bin/gungraun-runner
GUNGRAUN_VERSION := $(shell sed -n '/^name = "gungraun"/{n;s/.*"\(.*\)"/\1/p}' Cargo.lock)
NATS := $(or $(shell command -v nats-server),/usr/sbin/nats-server)

WEB_SOURCES := $(shell find sdk/src web -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null) \
	$(wildcard sdk/*.json sdk/*.js package.json package-lock.json)
RUST_SOURCES := $(shell find crates -type f 2>/dev/null) Cargo.toml Cargo.lock
WEB := web/demo/dist/index.html

.PHONY: run build check test bench bench-deletion peers instructions check-rust check-web test-rust test-web clean

run: build
	./target/release/lethe serve --welcome

build: target/release/lethe

target/release/lethe: $(RUST_SOURCES) $(WEB)
	cargo build --release --locked --bin lethe
	@touch $@

# The installed packages are as old as the lock file they were installed from.
node_modules/.package-lock.json: package-lock.json package.json $(wildcard */package.json web/*/package.json tests/browser/package.json)
	npm ci --no-audit --no-fund
	@touch $@

$(WEB): node_modules/.package-lock.json $(WEB_SOURCES)
	npm run build
	@touch $@

check: check-web check-rust

check-web: $(WEB)
	npm run lint
	npm run typecheck

check-rust: $(WEB) $(DENY)
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
	$(DENY) --all-features check bans licenses sources

# Without its database of advisories, which lives on a site of its own.
$(DENY):
	cargo install cargo-deny --locked --version $(DENY_VERSION) --no-default-features --root $(TOOLS) --target-dir target/tools

# The last line is a test runner's summary.
test: test-rust instructions test-web

# A test that never ends is a failure, too: the last words of the run are then those of the tests before it.
LIMIT := timeout --kill-after=10 1800

# First with the engines alone, then the server's stories once more with their actors spread over three nodes. What
# docs/deletion.md promises is shown on each engine: on disk with all the others, in memory, and on the nodes' PostgreSQL.
test-rust: $(WEB) /usr/lib/postgresql $(NATS)
	$(LIMIT) cargo test --workspace --locked
	LETHE_TEST_ENGINE=memory $(LIMIT) cargo test --locked -p lethe-server --test it inv_
	LETHE_TEST_NODES=3 LETHE_STEPS=2000 $(LIMIT) cargo test --locked -p lethe-server --test it -- \
		--test-threads=2 --skip race:: --skip start:: --skip cluster:: --skip crash:: --skip backup::

# Instructions of the hot functions against kept numbers, in the build of the tests.
instructions: $(WEB) $(GUNGRAUN) /usr/bin/valgrind
	LETHE_RUSTC="$$(rustc --version)" PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" \
		cargo bench --profile dev --locked -p lethe-bench --bench instructions

$(GUNGRAUN):
	cargo install gungraun-runner --locked --version $(GUNGRAUN_VERSION) --root $(TOOLS) --target-dir target/tools

/usr/bin/valgrind:
	$(call install,valgrind libc6-dbg,valgrind)

# The SDK and the browser talk to the binary that the Rust tests have built.
test-web: test-rust /usr/bin/chromium
	npm test -w sdk
	npm test -w web/demo
	npm test -w tests/browser

/usr/bin/chromium:
	$(call install,chromium fonts-noto-cjk,Chromium as /usr/bin/chromium with fonts for Chinese and Japanese)

# Servers that the tests start themselves, on ports of their own.
/usr/lib/postgresql:
	$(call install,postgresql,PostgreSQL 15 or newer)

$(NATS):
	$(call install,nats-server,nats-server 2.9 or newer)

# Peers of the bench and what a cluster is made of, started by the bench itself with directories and ports of its own. What
# cannot be installed is not measured, and the report says so.
ERLANG_SQLITE := /usr/share/doc/erlang-p1-sqlite3
LUA_SQLITE := /usr/share/doc/lua-dbi-sqlite3
SYNAPSE := .cache/synapse/bin/synapse_homeserver
SYNAPSE_VERSION := 1.163.2

peers:
	-@$(MAKE) -k --no-print-directory $(ERLANG_SQLITE) $(LUA_SQLITE) $(SYNAPSE) /usr/lib/postgresql $(NATS)

$(ERLANG_SQLITE):
	$(call install,ejabberd erlang-p1-sqlite3,ejabberd with its library for SQLite)
	$(call silence,ejabberd)

$(LUA_SQLITE):
	$(call install,prosody lua-dbi-sqlite3,Prosody with its library for SQLite)
	$(call silence,prosody)

$(SYNAPSE):
	python3 -m venv .cache/synapse
	.cache/synapse/bin/pip install -q matrix-synapse==$(SYNAPSE_VERSION)

# A package starts its service; nobody has asked for that.
define silence
	@if [ -d /run/systemd/system ]; then $(SUDO) systemctl disable -q --now $(1) || true; fi
endef

define install
	@command -v apt-get >/dev/null || { echo "Install $(2)."; exit 1; }
	$(SUDO) apt-get update -qq
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1)
endef

bench: target/release/lethe-bench peers
	./target/release/lethe-bench --runs 5 all $(if $(QUICK),--quick) $(if $(RESUME),--resume)

bench-deletion: target/release/lethe-bench
	./target/release/lethe-bench delete --histories 100,1000,100000,1000000

target/release/lethe-bench: target/release/lethe
	cargo build --release --locked -p lethe-bench --bin lethe-bench
	@touch $@

clean:
	rm -rf target node_modules sdk/dist web/*/dist tests/artifacts .cache
