# The client on this machine, under AddressSanitizer and UBSan, for tests: board-kept and board-own hire, `answers`
# computes. What signs for itself fetches libsecp256k1's source where it is not there.

HOST_OUT := $(OUT)/host
HOST_CC ?= gcc
HOST_CFLAGS := -std=c99 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
HOST_WARNINGS := -Wall -Wextra -Werror -Wconversion -Wshadow -pedantic
HOST_LIBRARY := $(filter-out src/hw_wallet_kept.c src/hw_wallet_own.c,$(wildcard src/*.c))
HOST_LIBRARY_OBJECTS := $(HOST_LIBRARY:%.c=$(HOST_OUT)/%.o)
HOST_SECP256K1 := $(addprefix $(HOST_OUT)/secp256k1/,secp256k1.o precomputed_ecmult.o precomputed_ecmult_gen.o)
HOST_PROGRAM := $(HOST_OUT)/host/main.o $(HOST_OUT)/host/folder.o

.PHONY: board-kept board-own answers-kept answers-own
board-kept: $(HOST_OUT)/board-kept
board-own: $(HOST_OUT)/board-own
answers-kept: $(HOST_OUT)/answers-kept
answers-own: $(HOST_OUT)/answers-own

$(HOST_OUT)/board-kept: $(HOST_PROGRAM) $(HOST_LIBRARY_OBJECTS) $(HOST_OUT)/src/hw_wallet_kept.o
$(HOST_OUT)/board-own: $(HOST_PROGRAM) $(HOST_LIBRARY_OBJECTS) $(HOST_OUT)/src/hw_wallet_own.o $(HOST_SECP256K1)
$(HOST_OUT)/answers-kept: $(HOST_OUT)/host/answers.o $(HOST_LIBRARY_OBJECTS) $(HOST_OUT)/src/hw_wallet_kept.o
$(HOST_OUT)/answers-own: $(HOST_OUT)/host/answers.o $(HOST_LIBRARY_OBJECTS) $(HOST_OUT)/src/hw_wallet_own.o \
  $(HOST_SECP256K1)

$(HOST_OUT)/board-kept $(HOST_OUT)/board-own $(HOST_OUT)/answers-kept $(HOST_OUT)/answers-own:
	$(HOST_CC) $(HOST_CFLAGS) $^ -o $@.$$$$ && mv $@.$$$$ $@

$(HOST_OUT)/%.o: %.c
	@mkdir -p $(@D)
	$(HOST_CC) $(HOST_CFLAGS) $(HOST_WARNINGS) -Isrc -isystem $(SECP256K1)/include \
	  -MMD -MP -MT $@ -MF $(@:.o=.d) -c $< -o $@.$$$$ && mv $@.$$$$ $@

$(HOST_OUT)/src/hw_wallet_own.o $(HOST_SECP256K1): | $(SECP256K1)/include/secp256k1.h

$(HOST_SECP256K1):
	@mkdir -p $(@D)
	$(HOST_CC) -O2 -w -DENABLE_MODULE_RECOVERY=1 -DECMULT_GEN_PREC_BITS=2 -DECMULT_WINDOW_SIZE=2 \
	  -DUSE_EXTERNAL_DEFAULT_CALLBACKS=1 -I$(SECP256K1)/include -c $(SECP256K1)/src/$(basename $(@F)).c \
	  -o $@.$$$$ && mv $@.$$$$ $@

-include $(HOST_LIBRARY_OBJECTS:.o=.d) $(HOST_PROGRAM:.o=.d)
