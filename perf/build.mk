# SPDX-License-Identifier: BSD-2-Clause
# The traffic generator (tests use it, too) and the measurements. perf/README.md has the method.
PERF_DIR := $(BUILD)/perf

$(PERF_DIR)/%.bpf.o: perf/%.bpf.c $(BUILD)/bpf/vmlinux.h
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -Iperf -MMD -MP -c -o $(@:.o=.tmp.o) $<
	$(Q)$(BPFTOOL) gen object $@ $(@:.o=.tmp.o)
	$(Q)sed -i 's|^[^ ]*\.tmp\.o:|$@:|' $(@:.o=.tmp.d)
	$(Q)rm -f $(@:.o=.tmp.o)

$(PERF_DIR)/%.skel.h: $(PERF_DIR)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $* > $@

$(PERF_DIR)/%.o: perf/%.c | $(BPF_SKELETONS)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PLX_CFLAGS) -I. -Iperf $(call pkg_cflags,$(LIBS_CONTROL)) $(CFLAGS) \
		$(CPPFLAGS) -MMD -MP -c -o $@ $<

$(PERF_DIR)/flowgen.o: $(PERF_DIR)/flowgen.skel.h
$(PERF_DIR)/bench_live.o: $(PERF_DIR)/bench_xdp.skel.h

$(PERF_DIR)/flowgen: $(PERF_DIR)/flowgen.o
	$(call say,LD,$@)
	$(Q)$(call c_link,$^,libbpf libnl-route-3.0 libnl-3.0)

PERF_BENCHES := $(patsubst perf/%.c,$(PERF_DIR)/%,$(filter-out %.bpf.c,$(wildcard perf/bench_*.c)))
PERF_BENCH_OBJECTS := $(patsubst perf/%.c,$(PERF_DIR)/%.o,$(wildcard perf/bench_*.bpf.c))

$(PERF_BENCHES): %: %.o $(PERF_DIR)/bench.o $(BUILD)/libcontrol.a $(BUILD)/libdataplane.a
	$(call say,LD,$@)
	$(Q)$(call c_link,$^,$(LIBS_CONTROL))

.PRECIOUS: $(PERF_DIR)/%.o $(PERF_DIR)/%.bpf.o $(PERF_DIR)/%.skel.h

PERF_ALL := $(BUILD)/parallaxd $(PERF_DIR)/flowgen $(PERF_BENCHES) $(PERF_BENCH_OBJECTS)

perf: $(PERF_ALL) ## measure (root, some 8 minutes), into perf/results/
	@./perf/run.sh $(BUILD) $(VERSION)

perf-quick: $(PERF_ALL) ## measure less precisely (root, under 3 minutes)
	@./perf/run.sh $(BUILD) $(VERSION) --quick
