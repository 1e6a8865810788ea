# SPDX-License-Identifier: BSD-2-Clause
CONTROL_SRCS := $(wildcard control/*.c)
CONTROL_OBJS := $(CONTROL_SRCS:%.c=$(BUILD)/%.o)

$(BUILD)/control/%.o: control/%.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call c_compile,$(LIBS_CONTROL))

# Everything of the daemon but main(), for the tests.
$(BUILD)/libcontrol.a: $(filter-out %/main.o,$(CONTROL_OBJS))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/parallaxd: $(BUILD)/control/main.o $(BUILD)/libcontrol.a $(BUILD)/libdataplane.a
	$(call say,LD,$@)
	$(Q)$(call c_link,$^,$(LIBS_CONTROL))
