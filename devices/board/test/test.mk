# Programs that a test talks to (test/conversation.h), and the size of what they test.

TEST_OUT := $(OUT)/test
TEST_CC ?= gcc
TEST_CFLAGS := -std=c99 -O1 -g -Wall -Wextra -Werror -Wconversion -Wshadow -pedantic -Isrc -Itest
TEST_ASAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LINK_SOURCES := $(addprefix src/,hw_crc32.c hw_frame.c hw_send_window.c hw_link.c)
TEST_SOURCES := $(LINK_SOURCES) src/hw_mqtt.c test/conversation.c
TEST_HEADERS := $(wildcard src/*.h test/*.h)

# link-MTU-WINDOW-SENDWINDOW is the link with those sizes.
LINK_SIZES := link-6-1-1 link-40-1-1 link-17-3-2 link-64-5-4 link-100-9-16 link-240-16-16 link-240-2-8
TEST_PROGRAMS := $(addprefix $(TEST_OUT)/,link mqtt $(LINK_SIZES))
ASAN_PROGRAMS := $(addprefix $(TEST_OUT)/asan/,link mqtt $(LINK_SIZES))

.PHONY: host asan size
host: $(TEST_PROGRAMS) asan
asan: $(ASAN_PROGRAMS)

size_of = $(word $(2),$(subst -, ,$(1)))
sizes = -DHW_LINK_MTU=$(call size_of,$(1),2) -DHW_LINK_WINDOW=$(call size_of,$(1),3) \
  -DHW_LINK_SEND_WINDOW=$(call size_of,$(1),4)

build = $(TEST_CC) $(TEST_CFLAGS) $(1) $(filter %.c,$^) -o $@.$$$$ && mv $@.$$$$ $@

$(TEST_OUT)/link-%: test/link.c $(TEST_SOURCES) $(TEST_HEADERS)
	@mkdir -p $(@D)
	@$(call build,$(call sizes,$(@F)))

$(TEST_OUT)/asan/link-%: test/link.c $(TEST_SOURCES) $(TEST_HEADERS)
	@mkdir -p $(@D)
	@$(call build,$(TEST_ASAN) $(call sizes,$(@F)))

$(TEST_OUT)/asan/%: test/%.c $(TEST_SOURCES) $(TEST_HEADERS)
	@mkdir -p $(@D)
	@$(call build,$(TEST_ASAN))

$(TEST_OUT)/%: test/%.c $(TEST_SOURCES) $(TEST_HEADERS)
	@mkdir -p $(@D)
	@$(call build,)
