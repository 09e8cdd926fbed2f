# The board in the emulator: kept.elf, whose wallet the gateway keeps, and own.elf, which signs for itself.
#
# Everything is made beside its place and moved there, so that two builds at a time do not read half a file. `emulator`
# makes own.elf only where libsecp256k1's source has been fetched; `own` fetches it.

CROSS ?= arm-none-eabi-
EMULATOR_OUT := $(OUT)/cortex-m3
EMULATOR_CFLAGS := -mcpu=cortex-m3 -mthumb -Os -std=c99 -ffunction-sections -fdata-sections
EMULATOR_WARNINGS := -Wall -Wextra -Wconversion -Werror
EMULATOR_LDFLAGS := -mcpu=cortex-m3 -mthumb -nostartfiles --specs=nano.specs -T emulator/mps2.ld -Wl,--gc-sections

EMULATOR_WALLETS := src/hw_wallet_kept.c src/hw_wallet_own.c
EMULATOR_SOURCES := $(filter-out $(EMULATOR_WALLETS),$(wildcard src/*.c)) $(wildcard emulator/*.c)
EMULATOR_OBJECTS := $(EMULATOR_SOURCES:%.c=$(EMULATOR_OUT)/%.o)

# Small tables: 32 KB of flash for signing, and next to nothing for checking, which is rare.
SECP256K1_FLAGS := -DENABLE_MODULE_RECOVERY=1 -DECMULT_GEN_PREC_BITS=2 -DECMULT_WINDOW_SIZE=2 \
  -DUSE_EXTERNAL_DEFAULT_CALLBACKS=1
SECP256K1_OBJECTS := $(addprefix $(EMULATOR_OUT)/secp256k1/,secp256k1.o precomputed_ecmult.o precomputed_ecmult_gen.o)

.PHONY: emulator kept own emulator-size
emulator: kept $(if $(wildcard $(SECP256K1)/src/secp256k1.c),own)
kept: $(OUT)/kept.elf
own: $(OUT)/own.elf

# Flash is code, constants and the first values of variables; RAM is the variables, without the stack.
emulator-size: emulator
	@$(CROSS)size $(wildcard $(OUT)/*.elf) | awk 'NR > 1 { n = split($$6, path, "/"); \
	  printf "{\"image\":\"%s\",\"flash\":%d,\"ram\":%d}\n", path[n], $$1 + $$2, $$2 + $$3 }'

$(OUT)/kept.elf: $(EMULATOR_OBJECTS) $(EMULATOR_OUT)/src/hw_wallet_kept.o
$(OUT)/own.elf: $(EMULATOR_OBJECTS) $(EMULATOR_OUT)/src/hw_wallet_own.o $(SECP256K1_OBJECTS)

$(OUT)/kept.elf $(OUT)/own.elf: emulator/mps2.ld
	$(CROSS)gcc $(EMULATOR_LDFLAGS) $(filter %.o,$^) -o $@.$$$$ && mv $@.$$$$ $@

$(EMULATOR_OUT)/%.o: %.c emulator/emulator.mk
	@mkdir -p $(@D)
	$(CROSS)gcc $(EMULATOR_CFLAGS) $(EMULATOR_WARNINGS) -Isrc -Iemulator -isystem $(SECP256K1)/include \
	  -MMD -MP -MT $@ -MF $(@:.o=.d) -c $< -o $@.$$$$ && mv $@.$$$$ $@

$(EMULATOR_OUT)/src/hw_wallet_own.o $(SECP256K1_OBJECTS): | $(SECP256K1)/include/secp256k1.h

$(SECP256K1_OBJECTS): emulator/emulator.mk
	@mkdir -p $(@D)
	$(CROSS)gcc $(EMULATOR_CFLAGS) $(SECP256K1_FLAGS) -w -I$(SECP256K1)/include \
	  -c $(SECP256K1)/src/$(basename $(@F)).c -o $@.$$$$ && mv $@.$$$$ $@

$(SECP256K1)/include/secp256k1.h:
	./fetch-secp256k1.sh $(SECP256K1)

-include $(EMULATOR_OBJECTS:.o=.d) $(EMULATOR_WALLETS:%.c=$(EMULATOR_OUT)/%.d)
