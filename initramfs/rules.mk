# The image: build/ARCH/kernel and build/ARCH/initramfs.cpio.zst.

IMAGE := build/$(ARCH)
INITRAMFS := $(IMAGE)/initramfs.cpio.zst
APPS_OUT ?= build/apps
FONTS_INTER ?= /usr/share/fonts/opentype/inter
FONTS_MONO ?= /usr/share/fonts/truetype/jetbrains-mono
STRIP := llvm-strip-19

.PHONY: image repro apps
image: $(IMAGE)/kernel $(INITRAMFS)
	@initramfs/sizes $(IMAGE)

# The binary in the image carries no symbols; $(IMAGE)/vyoma keeps them.
$(IMAGE)/init: $(IMAGE)/vyoma
	$(Q)$(STRIP) --strip-all -o $@ $<

# Packing is quick and its inputs are globs: packed anew each time, but the
# file only changes when its bytes do.
$(INITRAMFS): $(IMAGE)/init apps FORCE
	@echo "  PACK    $@"
	$(Q)initramfs/pack initramfs/contents $@.new OUT=$(IMAGE) \
		APPS=$(APPS_OUT) INTER=$(FONTS_INTER) MONO=$(FONTS_MONO)
	$(Q)if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# Builds the image a second time from a copy of the sources elsewhere, with a
# kernel cache of its own, and compares: same sources, same bytes.
repro: image
	@initramfs/repro $(ARCH)

.PHONY: FORCE
FORCE:
