# SPDX-License-Identifier: BSD-2-Clause
# Rings: unit (no privileges), bpf (BPF_PROG_TEST_RUN, root), net (namespaces, root), fuzz.
PACKET_OBJS := $(patsubst %,$(BUILD)/tests/lib/%.o,packet samples outcome)
TESTRUN_OBJS := $(patsubst %,$(BUILD)/tests/lib/%.o,testrun noise filterrun expressions) $(PACKET_OBJS)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
BPF_TESTS := $(patsubst tests/bpf/%.c,$(BUILD)/tests/bpf/%,$(wildcard tests/bpf/test_*.c))
TEST_TOOLS := $(BUILD)/tests/unit/parse_capture
NET_TOOLS := $(BUILD)/tests/net/nat_dump
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

$(BUILD)/tests/%.o: tests/%.c | $(BPF_SKELETONS)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PLX_CFLAGS) -I. -Itests/lib \
		$(call pkg_cflags,$(LIBS_CONTROL) $(LIBS_CLI) $(LIBS_TESTS)) $(CFLAGS) $(CPPFLAGS) \
		-MMD -MP -c -o $@ $<

$(filter-out $(BUILD)/tests/unit/test_parse,$(UNIT_TESTS)): %: %.o $(BUILD)/tests/lib/packet.o $(BUILD)/libcontrol.a \
	$(BUILD)/libdataplane.a
	$(call say,LD,$@)
	$(Q)$(call c_link,$^,$(LIBS_CONTROL) $(LIBS_TESTS))

# The parser is in headers.
$(BUILD)/tests/unit/test_parse: %: %.o $(PACKET_OBJS)
	$(call say,LD,$@)
	$(Q)$(call c_link,$^,$(LIBS_TESTS))

$(BPF_TESTS): %: %.o $(TESTRUN_OBJS) $(BUILD)/libdataplane.a
	$(call say,LD,$@)
	$(Q)$(call c_link,$^,$(LIBS_DATAPLANE) $(LIBS_TESTS))

# Run by tests in Python.
$(TEST_TOOLS): %: %.o
	$(call say,LD,$@)
	$(Q)$(call c_link,$^,libpcap)

$(NET_TOOLS): %: %.o $(BUILD)/libdataplane.a
	$(call say,LD,$@)
	$(Q)$(call c_link,$^,$(LIBS_DATAPLANE))

# libFuzzer is clang's; -O1 keeps stack traces readable.
$(FUZZERS): $(BUILD)/tests/fuzz/%: tests/fuzz/%.c
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(PLX_CFLAGS) -I. -Itests/lib -g -O1 -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -MMD -MP -MT $@ -MF $@.d -o $@ $<

# The same files for AFL++, whose compiler brings a driver for libFuzzer's entry point.
AFL_CLANG ?= afl-clang-fast
AFL_FUZZERS := $(FUZZERS:$(BUILD)/tests/fuzz/fuzz_%=$(BUILD)/tests/fuzz/afl_%)
$(AFL_FUZZERS): $(BUILD)/tests/fuzz/afl_%: tests/fuzz/fuzz_%.c
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D)
	$(Q)AFL_QUIET=1 AFL_USE_ASAN=1 AFL_USE_UBSAN=1 $(AFL_CLANG) $(PLX_CFLAGS) -I. -Itests/lib -g -O2 \
		-fsanitize=fuzzer -MMD -MP -MT $@ -MF $@.d -o $@ $<

.PRECIOUS: $(BUILD)/tests/%.o

TEST_RINGS ?= unit bpf net fuzz
.PHONY: test-all test-kernels-all
test-all: all $(UNIT_TESTS) $(TEST_TOOLS) $(BPF_TESTS) $(NET_TOOLS) $(FUZZERS) $(BUILD)/perf/flowgen
	@./tests/run $(BUILD) $(TEST_RINGS)

test-unit: $(UNIT_TESTS) $(TEST_TOOLS) $(BUILD)/parallaxd $(BUILD)/parallax ## unit tests (no root)
	@./tests/run $(BUILD) unit

test-bpf: $(BPF_TESTS) ## BPF programs by BPF_PROG_TEST_RUN (root)
	@./tests/run $(BUILD) bpf

test-net: all $(NET_TOOLS) $(BUILD)/perf/flowgen ## daemon and CLI in network namespaces (root)
	@./tests/run $(BUILD) net

test-kernels: deps-test ## all programs on other kernels, in virtual machines (root)
	@$(MAKE) --no-print-directory test-kernels-all

test-kernels-all: all $(BPF_TESTS)
	@./tests/run $(BUILD) kernels

.PHONY: fuzz-afl afl-fuzzers
afl-fuzzers: $(AFL_FUZZERS)

# AFL++ is looked up when it is needed: nothing else is.
fuzz-afl: ## fuzz the parser with AFL++, FUZZ_SECONDS=60
	@./tests/lib/install-packages.sh afl++
	@$(MAKE) --no-print-directory afl-fuzzers
	@for fuzzer in $(AFL_FUZZERS); do ./tests/fuzz/afl.sh $$fuzzer || exit 1; done

fuzz: $(FUZZERS) ## fuzz the parser, FUZZ_SECONDS=60
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-60} ./tests/run $(BUILD) fuzz
