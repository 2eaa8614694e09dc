# The engine for aarch64, run under emulation where Debian's cross libc and
# qemu-user are there; nothing is built where they are not.
A64 := build/aarch64-engine
A64_READY := $(and $(filter x86_64,$(HOST_ARCH)),$(wildcard \
	/usr/aarch64-linux-gnu/lib/libc.a),$(shell command -v qemu-aarch64))
A64_SRCS := $(wildcard vm/*.c supervisor/wast*.c) supervisor/cmd_wast.c \
	supervisor/json.c tests/aarch64/main.c
A64_OBJS := $(A64_SRCS:%.c=$(A64)/obj/%.o)
A64_CFLAGS := --target=aarch64-linux-gnu -std=gnu17 -O2 -g1 \
	-fno-strict-aliasing -ffunction-sections -fdata-sections $(WARN)
NEEDS_aarch64 = tools $(if $(A64_READY),$(A64)/wast)

$(A64)/obj/vm/interp_%.o: A64_CFLAGS += -fomit-frame-pointer \
	-ffp-contract=off -fno-math-errno -fno-trapping-math

$(A64)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC A64  $<"
	$(Q)$(CC) -I. -I$(OUT)/gen -D_GNU_SOURCE -MMD -MP $(A64_CFLAGS) -c -o $@ $<

$(A64)/wast: $(A64_OBJS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(A64_CFLAGS) -static -fuse-ld=lld-19 -Wl,--gc-sections -o $@ $^ \
		-lm -lpthread

-include $(A64_OBJS:.o=.d)
