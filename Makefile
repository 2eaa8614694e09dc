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
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/vyoma
Q := $(if $(filter 1,$(V)),,@)

# ---- packages ----------------------------------------------------------
# Before any other goal the Debian packages that it needs are installed: the
# stamp is included, so that make brings it up to date first.
DEPS := build
ifneq ($(filter-out all build/vyoma clean help format,$(MAKECMDGOALS)),)
DEPS += image test
endif
ifneq ($(ARCH),$(HOST_ARCH))
DEPS += cross
endif
ifneq ($(filter lint,$(MAKECMDGOALS)),)
DEPS += lint
endif
ifneq ($(filter-out clean help,$(or $(MAKECMDGOALS),all)),)
include $(DEPS:%=build/deps-%.mk)
endif

build/deps-%.mk: .ci/deps
	@mkdir -p $(@D)
	$(Q).ci/deps $*
	$(Q)touch $@

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

# Another architecture: Debian's cross libc, and the other libraries unpacked
# into the user's cache by initramfs/sysroot.
ifneq ($(ARCH),$(HOST_ARCH))
SYSROOT := $(CACHE)/sysroot-$(ARCH)
SYSROOT_STAMP := $(SYSROOT)/.complete
CFLAGS += --target=$(ARCH)-linux-gnu
CPPFLAGS += -isystem $(SYSROOT)/usr/include \
	-isystem $(SYSROOT)/usr/include/$(ARCH)-linux-gnu
LDFLAGS += -L$(SYSROOT)/usr/lib/$(ARCH)-linux-gnu -Wl,-z,max-page-size=4096
endif
CPPFLAGS += -I$(SYSROOT)/usr/include/libdrm \
	-I$(SYSROOT)/usr/include/libevdev-1.0

# ---- the binary --------------------------------------------------------
LIBDIRS := vm wasi gfx supervisor
SRCS := $(foreach d,$(LIBDIRS),$(wildcard $(d)/*.c))
OBJS = $(SRCS:%.c=$(OUT)/obj/%.o) $(GEN_OBJS)

.PHONY: all test clean help format lint
all: build/vyoma

build/vyoma: $(OUT)/vyoma
	$(Q)ln -sf $(FLAVOUR)/vyoma $@

# The folders' rules.mk, read at the end of this file, add to OBJS.
.SECONDEXPANSION:
$(OUT)/vyoma: $$(OBJS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(OUT)/obj/%.o: %.c | $(SYSROOT_STAMP)
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(SYSROOT_STAMP): initramfs/sysroot
	$(Q)initramfs/sysroot $(ARCH) $(SYSROOT)

# Every object but main: what unit tests link against.
LIB_OBJS = $(filter-out $(OUT)/obj/supervisor/main.o,$(OBJS))
$(OUT)/libvyoma-all.a: $$(LIB_OBJS)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# ---- housekeeping ------------------------------------------------------
OWN_C := $(wildcard $(foreach d,$(LIBDIRS) tests/* apps/*,$(d)/*.c $(d)/*.h))

format:
	$(Q)clang-format-19 -i $(OWN_C)

compile_commands.json: Makefile $(SRCS)
	$(Q).ci/compile-commands "$(CC) $(CPPFLAGS) $(CFLAGS)" $(SRCS) >$@

# What is checked, and why the rest is not, is in .clang-tidy.
lint: compile_commands.json
	@echo "  FORMAT  $(words $(OWN_C)) files"
	$(Q)clang-format-19 --dry-run -Werror $(OWN_C)
	$(Q)run-clang-tidy-19 -quiet -p . $(LIBDIRS:%='^$(CURDIR)/%/') 2>/dev/null
	cppcheck -q --error-exitcode=1 --inline-suppr --std=c11 \
		--suppressions-list=.ci/cppcheck-suppressions -I. \
		-D_GNU_SOURCE -D__x86_64__ -D__clang__ $(LIBDIRS)

clean:
	rm -rf build

help:
	@.ci/help

-include $(wildcard $(patsubst %,%/rules.mk,vm wasi gfx supervisor kernel \
	initramfs apps tests) tests/*/rules.mk)
-include $(OBJS:.o=.d)
