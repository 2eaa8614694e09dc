# VyomaOS: one static binary, a kernel, and components.
#
#   make            the host tool, build/vyoma
#   make run        build everything and boot it in QEMU
#   make test       everything that can be tested
#   make help       the rest, and the variables
#
# This file holds the variables and the rules for C.  Each folder that builds
# something else has its own rules.mk, included at the end.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# ---- variables a user may set ------------------------------------------
HOST_ARCH := $(shell uname -m)
ARCH ?= $(HOST_ARCH)
SAN ?= 0
V ?= 0

CC := clang-19
AR := llvm-ar-19
PYTHON ?= /usr/bin/python3
Q := $(if $(filter 1,$(V)),,@)

# ---- flavours: one object tree each ------------------------------------
# host (= the architecture of this machine), aarch64 (cross), san
FLAVOUR := $(if $(filter 1,$(SAN)),san,$(ARCH))
OUT := build/$(FLAVOUR)

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Wno-unused-parameter
CFLAGS := -std=gnu17 -O2 -g -fno-strict-aliasing -fno-plt \
	-ffile-prefix-map=$(CURDIR)=. -ffunction-sections -fdata-sections \
	-fno-omit-frame-pointer $(WARN)
CPPFLAGS := -I. -I$(OUT)/gen -D_GNU_SOURCE -MMD -MP
LDFLAGS := -fuse-ld=lld-19 -Wl,--gc-sections
LDLIBS = -ldrm -levdev -lseccomp -lxxhash -lm -lpthread

ifeq ($(SAN),1)
CFLAGS += -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined
LDFLAGS += -fsanitize=address,undefined
else
CFLAGS += -fstack-protector-strong -D_FORTIFY_SOURCE=2
LDFLAGS += -static
endif
CPPFLAGS += -I/usr/include/libdrm -I/usr/include/libevdev-1.0

# ---- the binary --------------------------------------------------------
LIBDIRS := vm wasi gfx supervisor
SRCS := $(foreach d,$(LIBDIRS),$(wildcard $(d)/*.c))
OBJS = $(SRCS:%.c=$(OUT)/obj/%.o) $(GEN_OBJS)

.PHONY: all test clean help format lint
all: build/vyoma

build/vyoma: $(OUT)/vyoma
	$(Q)ln -sf $(FLAVOUR)/vyoma $@

$(OUT)/vyoma: $(OBJS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(OUT)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# Every object but main: what unit tests link against.
LIB_OBJS = $(filter-out $(OUT)/obj/supervisor/main.o,$(OBJS))
$(OUT)/libvyoma-all.a: $(LIB_OBJS)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

clean:
	rm -rf build

-include $(wildcard $(patsubst %,%/rules.mk,vm wasi gfx supervisor kernel \
	initramfs apps tests))
-include $(OBJS:.o=.d)
