# SPDX-License-Identifier: GPL-3.0-or-later
#
# What people and machines call; the work is in scripts/. Every target installs or builds only what is missing.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

CHATALOT_INSTALL ?= yes
TESTS ?=
SECONDS ?= 60
QUICK ?=
MINUTES ?= 60
MEMCHECK ?=
LOADS ?=

.PHONY: help run test test-malicious test-crypto fuzz module static sanitize wasm \
        crypto client units bench soak memcheck packages test-packages check format install clean

help: ## this list
	@echo 'Chatalot: end-to-end encrypted community chat inside nginx'
	@echo
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'
	@echo
	@echo '  PORT=8080                       where make run listens'
	@echo '  DATABASE_URL=… REDIS_URL=…      use these instead of private ones'
	@echo '  QUICK=1 LOADS="idle setups"     a shorter make bench, and which loads it runs'
	@echo '  MINUTES=10 MEMCHECK=1           how long make soak takes, and whether under valgrind'
	@echo '  TESTS="t/health.t t/sql"        which tests make test runs'
	@echo '  SECONDS=600                     how long make fuzz takes for each parser'

run: ## install what is missing, build, and serve on http://localhost:8080 until Ctrl-C
	@scripts/run --check
	@if [ '$(CHATALOT_INSTALL)' = yes ]; then scripts/install run; fi
	@$(MAKE) module client
	@exec setpriv --pdeathsig=TERM -- scripts/run

test: ## build everything and run every test
	@if [ '$(CHATALOT_INSTALL)' = yes ]; then scripts/install test; fi
	@$(MAKE) module static sanitize crypto client units
	@exec scripts/test $(TESTS)

test-malicious: wasm ## the client's real core against a lying server
	@scripts/build-client --packages
	@exec scripts/test t/malicious.t

test-crypto: crypto ## the encryption library: its tests native, with sanitizers and on WebAssembly, and its coverage
	@exec scripts/test crypto/build/t t/crypto_coverage.t

fuzz: ## every parser of what comes from outside, each for SECONDS=60
	@CHATALOT_FUZZ_SECONDS='$(SECONDS)' exec scripts/test t/fuzz.t t/crypto_fuzz.t

module: ## the nginx module, for Debian's nginx
	@scripts/nginx-build dynamic

static: ## an nginx with the module inside
	@scripts/nginx-build static

sanitize: ## the same with the address and undefined-behaviour sanitizers
	@scripts/nginx-build sanitize

crypto: ## the end-to-end encryption library with its tests, native and WebAssembly
	@scripts/with-node $(MAKE) -s -C crypto all check

wasm: ## the same library as WebAssembly, which the client carries
	@$(MAKE) -s -C crypto wasm

client: wasm ## the web client
	@scripts/build-client

units: ## the test programs in C
	@$(MAKE) -s -C t/unit

bench: ## measure speed and memory, beside nchan and bare PostgreSQL: docs/performance.md
	@bench/run --check $(if $(filter-out 0,$(QUICK)),--size=quick) $(LOADS)
	@if [ '$(CHATALOT_INSTALL)' = yes ]; then scripts/install test; fi
	@$(MAKE) module client
	@$(MAKE) -s -C bench
	@exec bench/run $(if $(filter-out 0,$(QUICK)),--size=quick) $(LOADS)

soak: ## an hour of what wears a server out: docs/performance.md
	@if [ '$(CHATALOT_INSTALL)' = yes ]; then scripts/install test; fi
	@$(MAKE) $(if $(filter-out 0,$(MEMCHECK)),memcheck,module)
	@$(MAKE) -s -C bench
	@exec bench/soak --minutes=$(MINUTES) $(if $(filter-out 0,$(MEMCHECK)),--memcheck)

memcheck:
	@scripts/nginx-build memcheck

packages:
	@scripts/install run

test-packages:
	@scripts/install test

format: ## bring the client's sources into their format
	@scripts/build-client --packages
	@scripts/with-node npm --prefix html run --silent format

check: ## formatter and linter checks only
	@prove t/style.t

install: module client ## put module, client, schema and configuration into the system (DESTDIR=)
	@scripts/install-files

clean: ## remove what was built, never what people wrote: var/ stays
	rm -rf build crypto/build html/build html/.svelte-kit html/node_modules
