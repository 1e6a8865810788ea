# SPDX-License-Identifier: BSD-2-Clause
DATAPLANE_SRCS := $(wildcard dataplane/*.c)
DATAPLANE_OBJS := $(DATAPLANE_SRCS:%.c=$(BUILD)/%.o)

$(BUILD)/dataplane/%.o: dataplane/%.c | $(BPF_SKELETONS)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call c_compile,$(LIBS_DATAPLANE))

$(BUILD)/libdataplane.a: $(DATAPLANE_OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
