# SPDX-License-Identifier: BSD-2-Clause
# Rings: unit (no privileges), bpf (BPF_PROG_TEST_RUN, root), net (namespaces, root), fuzz.
TEST_LIB_OBJS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/lib/*.c))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
BPF_TESTS := $(patsubst tests/bpf/%.c,$(BUILD)/tests/bpf/%,$(wildcard tests/bpf/test_*.c))
TEST_TOOLS := $(BUILD)/tests/unit/parse_capture
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

$(BUILD)/tests/%.o: tests/%.c | $(BPF_SKELETONS)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PLX_CFLAGS) -I. -Itests/lib \
		$(call pkg_cflags,$(LIBS_CONTROL) $(LIBS_CLI) $(LIBS_TESTS)) $(CFLAGS) $(CPPFLAGS) \
		-MMD -MP -c -o $@ $<

$(UNIT_TESTS) $(BPF_TESTS): %: %.o $(TEST_LIB_OBJS) $(BUILD)/libcontrol.a $(BUILD)/libdataplane.a
	$(call say,LD,$@)
	$(Q)$(call c_link,$^,$(LIBS_CONTROL) $(LIBS_TESTS))

# Run by tests in Python.
$(TEST_TOOLS): %: %.o
	$(call say,LD,$@)
	$(Q)$(call c_link,$^,libpcap)

# libFuzzer is clang's; -O1 keeps stack traces readable.
$(FUZZERS): $(BUILD)/tests/fuzz/%: tests/fuzz/%.c
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(PLX_CFLAGS) -I. -Itests/lib -g -O1 -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -MMD -MP -MT $@ -MF $@.d -o $@ $<

.PRECIOUS: $(BUILD)/tests/%.o

.PHONY: test-all
test-all: all $(UNIT_TESTS) $(TEST_TOOLS) $(BPF_TESTS) $(FUZZERS) $(BUILD)/perf/flowgen
	@./tests/run $(BUILD) unit bpf net fuzz

test-unit: $(UNIT_TESTS) $(TEST_TOOLS) $(BUILD)/parallaxd $(BUILD)/parallax ## unit tests (no root)
	@./tests/run $(BUILD) unit

test-bpf: $(BPF_TESTS) ## BPF programs by BPF_PROG_TEST_RUN (root)
	@./tests/run $(BUILD) bpf

test-net: all $(BUILD)/perf/flowgen ## daemon and CLI in network namespaces (root)
	@./tests/run $(BUILD) net

fuzz: $(FUZZERS) ## fuzz the parser, FUZZ_SECONDS=60
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-60} ./tests/run $(BUILD) fuzz
