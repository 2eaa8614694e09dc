# The engine's handlers: leaf functions that keep the abstract machine in
# registers.  No frame pointer, no stack protector (nothing on the stack), no
# contraction of a * b + c, and no errno for square roots.

VM_HANDLERS := $(patsubst %.c,$(OUT)/obj/%.o,$(wildcard vm/interp_*.c))
$(VM_HANDLERS): CFLAGS += -fomit-frame-pointer -fno-stack-protector \
	-ffp-contract=off -fno-math-errno -fno-trapping-math

# How many handlers there are, and what they weigh.
.PHONY: code-size
code-size: $(VM_HANDLERS)
	$(Q)tests/bench/code-size $^

# The counting build, for tests/bench/fuse.py:
#   make FLAVOUR=count VM_COUNT=1 build/count/vyoma
ifeq ($(VM_COUNT),1)
CPPFLAGS += -DVM_COUNT
endif

# Sanitizers need frames, which handlers do not have.
ifeq ($(SAN),1)
$(VM_HANDLERS): CFLAGS += -fno-sanitize=all
endif

# ---- the engine as a library of its own -----------------------------------
# make libvyoma: build/ARCH/libvyoma.a and .so, with the headers vm/wasm.h (the
# standard C API), vm/vm.h, vm/component.h, vm/coredump.h.  They need libc only.
VM_SRCS := $(wildcard vm/*.c)
VM_PIC := $(VM_SRCS:%.c=$(OUT)/pic/%.o)

.PHONY: libvyoma
libvyoma: $(OUT)/libvyoma.a $(OUT)/libvyoma.so

$(OUT)/pic/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC PIC  $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -fvisibility=hidden -c -o $@ $<

VM_PIC_HANDLERS := $(filter $(OUT)/pic/vm/interp_%.o,$(VM_PIC))
$(VM_PIC_HANDLERS): CFLAGS += -fomit-frame-pointer -fno-stack-protector \
	-ffp-contract=off -fno-math-errno -fno-trapping-math
ifeq ($(SAN),1)
$(VM_PIC_HANDLERS): CFLAGS += -fno-sanitize=all
endif

$(OUT)/libvyoma.a: $(VM_PIC)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(OUT)/libvyoma.so: $(VM_PIC)
	@echo "  LINK    $@"
	$(Q)$(CC) -shared -fuse-ld=lld-19 -Wl,--gc-sections,-z,relro \
		$(if $(filter 1,$(SAN)),,-Wl,-z,defs) \
		$(filter -fsanitize%,$(CFLAGS)) -o $@ $^ -lm -lpthread

-include $(VM_PIC:.o=.d)
