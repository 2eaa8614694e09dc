# The kernel, and running what was built: one script each.

.PHONY: kernel run screenshot
kernel: build/$(ARCH)/kernel

# kernel/build looks into its cache first, so that this costs a second.
build/$(ARCH)/kernel: kernel/build kernel/common.fragment \
		kernel/$(ARCH).fragment
	$(Q)kernel/build $(ARCH) $(@D)

# The variables are explained by `make help`.
MEM ?= 256M
SMP ?= 2
HTTP_PORT ?= 8080
DATA_DIR ?= build/data
ACCEL ?= auto
DISPLAY_KIND ?= auto

run: image
	$(Q)kernel/qemu run --arch $(ARCH) --mem $(MEM) --smp $(SMP) \
		--http-port $(HTTP_PORT) --data '$(DATA_DIR)' \
		--accel $(ACCEL) --display $(DISPLAY_KIND) \
		--append '$(APPEND)' -- $(QEMU_EXTRA)

screenshot:
	$(Q)kernel/qemu screenshot --out build/screenshot.png
