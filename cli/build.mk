# SPDX-License-Identifier: BSD-2-Clause
CLI_SRCS := $(wildcard cli/*.c)
CLI_OBJS := $(CLI_SRCS:%.c=$(BUILD)/%.o)

$(BUILD)/cli/%.o: cli/%.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call c_compile,$(LIBS_CLI))

$(BUILD)/parallax: $(CLI_OBJS)
	$(call say,LD,$@)
	$(Q)$(call c_link,$^,$(LIBS_CLI))
