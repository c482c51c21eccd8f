# One command per task.  The build itself is Meson's (meson.build).
.POSIX:

# From the command line or the environment.
BUILD ?= build
DESTDIR ?=
PREFIX ?= /usr/local

.PHONY: all deps build demo test test-fast asan tsan clang bench fuzz torture lint format install clean

all: build

deps:
	@tools/deps.sh all

$(BUILD)/build.ninja:
	@tools/deps.sh build
	@meson setup $(BUILD) --prefix $(PREFIX) >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log

build: $(BUILD)/build.ninja
	@ninja -C $(BUILD) tocsin

demo: build
	@$(BUILD)/tocsin demo

# Everything that a change must pass; closes with "N passed, N failed, N skipped".
test: deps
	@tools/test.sh

# What one runs after each edit.
test-fast: $(BUILD)/build.ninja
	@ninja -C $(BUILD)
	@meson test -C $(BUILD) --no-rebuild --print-errorlogs --no-suite e2e

asan:
	@tools/test.sh asan

tsan:
	@tools/test.sh tsan

clang:
	@tools/test.sh clang

bench: build
	@tools/deps.sh bench
	@bench/run.sh

# SECONDS each for every fuzz target (default 60).
fuzz:
	@tools/fuzz.sh $${SECONDS_EACH:-60}

# The store's promises under faults, at length: about ten minutes.
torture:
	@BUILD=$(BUILD) tools/torture.sh

lint:
	@tools/test.sh clang >/dev/null; LINT_DEEP=1 tools/lint.sh

install: build
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

clean:
	@rm -rf $(BUILD) build-asan build-tsan build-clang build-fuzz
