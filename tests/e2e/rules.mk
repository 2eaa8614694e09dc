# End-to-end tests and boot benchmarks: what they need built.
#
# The tests' own components are built as apps are (see apps/rules.mk), one C
# file each: faults/ go wrong on purpose, probe.c prints where the windows are,
# fetch.c makes HTTP requests, writer.c saves files for ever.

E2E_WASM := $(patsubst tests/e2e/%.c,build/e2e/%.wasm, \
	$(wildcard tests/e2e/*/*.c))
N ?= 200

# Core modules are kept between builds.
.SECONDARY: $(E2E_WASM:build/e2e/%=build/e2e/obj/%)

.PHONY: e2e-apps bench-boot bench-scale
e2e-apps: $(E2E_WASM)

build/e2e/obj/%.wasm: tests/e2e/%.c $(APP_SDK) apps/rules.mk
	@mkdir -p $(@D)
	@echo "  APP     $*"
	$(Q)$(CC) $(APP_CFLAGS) $(APP_LDFLAGS) -o $@ $(filter %.c,$^)

.SECONDEXPANSION:
build/e2e/%.wasm: build/e2e/obj/%.wasm $$(dir tests/e2e/$$*)world.wit \
		$(APP_NPM) $(wildcard apps/tools/*.mjs)
	@mkdir -p $(@D)
	$(Q)node apps/tools/componentize.mjs $< \
		$(dir tests/e2e/$*)world.wit $@ $(WIT_DIRS)

bench-boot: image
	$(Q)tests/bench-boot --arch $(ARCH)

bench-scale: image
	$(Q)tests/bench-scale $(N)

# Group e2e boots the image, which holds no sanitizers.
ifneq ($(SAN),1)
NEEDS_e2e = image e2e-apps
endif
