# The kernel, and running what was built: one script each.

.PHONY: kernel
kernel: build/$(ARCH)/kernel

# kernel/build looks into its cache first, so that this costs a second.
build/$(ARCH)/kernel: kernel/build kernel/common.fragment \
		kernel/$(ARCH).fragment
	$(Q)kernel/build $(ARCH) $(@D)
