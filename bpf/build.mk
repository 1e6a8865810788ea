# SPDX-License-Identifier: BSD-2-Clause
# C source -> BPF object -> linked object -> skeleton header.
BPF_PROGRAMS := observe_xdp observe_tc
BPF_CFLAGS := -O2 -g -Wall -Wextra -Wno-unused-parameter -Wno-missing-declarations \
	$(if $(WERROR),-Werror) -target bpf -mcpu=v3 -I$(BUILD)/bpf -Ibpf/include -Ibpf
BPF_SKELETONS := $(BPF_PROGRAMS:%=$(BUILD)/bpf/%.skel.h)
VMLINUX_BTF ?= /sys/kernel/btf/vmlinux

$(BUILD)/bpf/vmlinux.h:
	$(call say,BTF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)test -r $(VMLINUX_BTF) || { echo "$(VMLINUX_BTF): no kernel BTF here;" \
		"set VMLINUX_BTF to a file that has it" >&2; exit 1; }
	$(Q)$(BPFTOOL) btf dump file $(VMLINUX_BTF) format c > $@

$(BUILD)/bpf/%.o: bpf/%.bpf.c $(BUILD)/bpf/vmlinux.h
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $(@:.o=.tmp.o) $<
	$(Q)$(BPFTOOL) gen object $@ $(@:.o=.tmp.o)
	$(Q)sed -i 's|^[^ ]*\.tmp\.o:|$@:|' $(@:.o=.tmp.d)
	$(Q)rm -f $(@:.o=.tmp.o)

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $* > $@

.PRECIOUS: $(BUILD)/bpf/%.o $(BUILD)/bpf/%.skel.h
