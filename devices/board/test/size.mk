# Flash and RAM of link and MQTT client on a Cortex-M3, as one JSON object. Flash is code and constants, libc's memcpy,
# memset and strlen not counted; RAM is one hw_mqtt, which holds its hw_link, and the deepest stack.

SIZE_OUT := $(OUT)/size
SIZE_CFLAGS := -mcpu=cortex-m3 -mthumb -Os -std=c99 -ffunction-sections -fdata-sections
SIZE_LINK := $(CROSS)gcc -mcpu=cortex-m3 -mthumb -nostartfiles --specs=nano.specs -Wl,--gc-sections -Wl,-e,main
SIZE_SOURCES := $(LINK_SOURCES) src/hw_mqtt.c test/size.c
SIZE_OBJECTS := $(SIZE_SOURCES:%.c=$(SIZE_OUT)/%.o)
LINK_CALLS := start take send tick restart
MQTT_CALLS := start take tick connect subscribe publish publish_from restart
keep = $(patsubst %,-Wl$(comma)-u$(comma)%,$(1))
comma := ,

$(SIZE_OUT)/%.o: %.c $(TEST_HEADERS)
	@mkdir -p $(@D)
	@$(CROSS)gcc $(SIZE_CFLAGS) -fcallgraph-info=su -Isrc -c $< -o $@

$(SIZE_OUT)/none.elf: $(SIZE_OBJECTS)
	@$(SIZE_LINK) $^ -o $@

$(SIZE_OUT)/link.elf: $(SIZE_OBJECTS)
	@$(SIZE_LINK) $(call keep,$(addprefix hw_link_,$(LINK_CALLS)) size_of_link) $^ -o $@

$(SIZE_OUT)/mqtt.elf: $(SIZE_OBJECTS)
	@$(SIZE_LINK) $(call keep,$(addprefix hw_link_,$(LINK_CALLS)) $(addprefix hw_mqtt_,$(MQTT_CALLS)) size_of_mqtt) $^ -o $@

size: $(SIZE_OUT)/none.elf $(SIZE_OUT)/link.elf $(SIZE_OUT)/mqtt.elf
	@stack=$$(awk -f test/stack.awk $(patsubst %.o,%.ci,$(filter-out %/size.o,$(SIZE_OBJECTS)))); \
	  $(CROSS)size $^ | awk -v stack="$$stack" 'NR > 1 { flash[NR] = $$1 + $$2; ram[NR] = $$2 + $$3 } END { \
	  printf "{\"flash\":%d,\"ram\":%d,", flash[4] - flash[2], ram[4] - ram[2] + stack; \
	  printf "\"link\":{\"flash\":%d,\"ram\":%d},", flash[3] - flash[2], ram[3] - ram[2]; \
	  printf "\"mqtt\":{\"flash\":%d,\"ram\":%d},", flash[4] - flash[3], ram[4] - ram[3]; \
	  printf "\"stack\":%d}\n", stack }'
