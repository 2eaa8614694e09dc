# The engine's handlers: leaf functions that keep the abstract machine in
# registers.  No frame pointer, no stack protector (nothing on the stack), no
# contraction of a * b + c, and no errno for square roots.

VM_HANDLERS := $(patsubst %.c,$(OUT)/obj/%.o,$(wildcard vm/interp_*.c))
$(VM_HANDLERS): CFLAGS += -fomit-frame-pointer -fno-stack-protector \
	-ffp-contract=off -fno-math-errno -fno-trapping-math

# Sanitizers need frames, which handlers do not have.
ifeq ($(SAN),1)
$(VM_HANDLERS): CFLAGS += -fno-sanitize=all
endif
