# SPDX-License-Identifier: BSD-2-Clause
# Parallax: the only entry point. Each folder lists its sources in its build.mk.
#
#   sudo make run     meter the interface of the default route, live flow table, Ctrl-C ends it
#   sudo make test    build and run all tests
#   make help         all targets
#
# V=1 shows commands. CC, CLANG, BPFTOOL, CFLAGS, LDFLAGS, PREFIX, DESTDIR are yours to set.
# SANITIZE=address,undefined builds user space with sanitizers; WERROR=1 makes warnings errors.

VERSION := 0.1.0
PREFIX ?= /usr/local
CC ?= cc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
CFLAGS ?= -O2 -g
BUILD ?= build

# Debian 12 packages: what building needs, what running the tests needs on top.
PACKAGES_BUILD := gcc make pkg-config clang llvm bpftool libbpf-dev libxdp-dev libelf-dev zlib1g-dev \
	libnl-3-dev libnl-route-3-dev libnl-nf-3-dev libpcap-dev libevent-dev libjson-c-dev \
	libcyaml-dev libyaml-dev libsmartcols-dev libcmocka-dev iproute2
PACKAGES_TEST := python3 ethtool iputils-ping nftables nfdump util-linux procps \
	libclang-rt-14-dev tshark conntrack pmacct

# The order matters once: `make` without a target builds.
.PHONY: all
all:

Q := $(if $(V),,@)
say = $(if $(V),@:,@printf '  %-5s %s\n' $(1) $(2))

# pkg-config names; what each is for is in design order: kernel side, interfaces, daemon, CLI.
LIBS_DATAPLANE := libxdp libbpf libnl-route-3.0 libnl-nf-3.0 libnl-3.0 libpcap
LIBS_CONTROL := $(LIBS_DATAPLANE) libevent json-c libcyaml yaml-0.1
LIBS_CLI := json-c smartcols
LIBS_TESTS := cmocka

SANITIZE_FLAGS := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
PLX_CFLAGS := -std=gnu11 -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla \
	-Wundef $(if $(WERROR),-Werror) -D_GNU_SOURCE -DPLX_VERSION='"$(VERSION)"' \
	-I$(BUILD) -Ibpf/include -Idataplane/include $(SANITIZE_FLAGS)
pkg_cflags = $(shell pkg-config --cflags $(1) 2>/dev/null)
pkg_libs = $(shell pkg-config --libs $(1) 2>/dev/null)

# A build that would fail for a missing library says so first; deps and friends install them.
ifneq ($(filter-out deps deps-test run test test-kernels clean help format,$(or $(MAKECMDGOALS),all)),)
MISSING := $(strip $(foreach lib,$(sort $(LIBS_CONTROL) $(LIBS_CLI)),\
	$(if $(shell pkg-config --exists $(lib) 2>/dev/null && echo yes),,$(lib))))
$(if $(MISSING),$(warning not found by pkg-config: $(MISSING); on Debian: sudo make deps))
endif

# $(call c_compile,LIBS): compile $< with the headers of LIBS. $(call c_link,OBJECTS,LIBS): link.
c_compile = $(CC) $(PLX_CFLAGS) $(call pkg_cflags,$(1)) $(CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<
c_link = $(CC) $(CFLAGS) $(SANITIZE_FLAGS) $(LDFLAGS) -o $@ $(1) $(call pkg_libs,$(2))

include bpf/build.mk dataplane/build.mk control/build.mk cli/build.mk tests/build.mk perf/build.mk

.PHONY: help run test test-unit test-bpf test-net test-kernels fuzz perf perf-quick install clean deps deps-test \
	check-headers fields format

all: $(BUILD)/parallaxd $(BUILD)/parallax ## build parallaxd and parallax into build/ (no root)

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' \
		$(MAKEFILE_LIST)

deps: ## install missing build packages (apt, root)
	@./tests/lib/install-packages.sh $(PACKAGES_BUILD)

deps-test: ## install missing build and test packages (apt, root)
	@./tests/lib/install-packages.sh $(PACKAGES_BUILD) $(PACKAGES_TEST)

# Packages first, then a new make: libraries are looked up when the Makefile is read.
run: deps ## meter the interface of the default route (IFACE=... for another), live flow table
	@$(MAKE) --no-print-directory all
	@./cli/live.sh $(BUILD) $(IFACE)

test: deps-test ## unit, BPF, namespace and fuzz-seed tests
	@$(MAKE) --no-print-directory test-all

install: all ## install programs and manual pages under PREFIX
	install -D -m 0755 $(BUILD)/parallaxd $(DESTDIR)$(PREFIX)/sbin/parallaxd
	install -D -m 0755 $(BUILD)/parallax $(DESTDIR)$(PREFIX)/bin/parallax
	install -D -m 0644 control/man/parallaxd.8 $(DESTDIR)$(PREFIX)/share/man/man8/parallaxd.8
	install -D -m 0644 control/man/parallax.yaml.5 $(DESTDIR)$(PREFIX)/share/man/man5/parallax.yaml.5
	install -D -m 0644 cli/man/parallax.8 $(DESTDIR)$(PREFIX)/share/man/man8/parallax.8

# Every header compiles alone.
HEADERS := $(wildcard bpf/include/plx/*.h dataplane/include/plx/*.h dataplane/*.h control/*.h \
	cli/*.h)
check-headers: ## each header compiles alone
	$(Q)for h in $(HEADERS); do \
		echo "#include \"$$h\"" | $(CC) $(PLX_CFLAGS) -I. \
			-include linux/types.h $(call pkg_cflags,$(LIBS_CONTROL) $(LIBS_CLI)) \
			-fsyntax-only -x c - || exit 1; \
	done

fields: $(BUILD)/tests/unit/test_fields ## write control/FIELDS.md, of the table of fields
	@PLX_WRITE=1 $(BUILD)/tests/unit/test_fields

format: ## apply .clang-format
	$(Q)git ls-files '*.c' '*.h' | xargs clang-format -i

clean: ## remove build/
	rm -rf $(BUILD)

.DELETE_ON_ERROR:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
