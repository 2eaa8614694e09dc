# apps/NAME/*.c + apps/NAME/world.wit -> build/apps/NAME.wasm
#
# Each app is compiled with the whole SDK and keeps what it calls; the result
# is made a component by tools/componentize.mjs (packages from npm, pinned in
# package-lock.json).

APPS := $(patsubst apps/%/world.wit,%,$(wildcard apps/*/world.wit))
APP_WASM := $(APPS:%=build/apps/%.wasm)
APP_NPM := apps/node_modules/.package-lock.json
WIT_DIRS := wasi/wit

APP_CFLAGS := --target=wasm32 -std=gnu17 -Oz -nostdlib -ffreestanding \
	-mbulk-memory -mnontrapping-fptoint -msign-ext -mmultivalue \
	-Xclang -target-abi -Xclang experimental-mv -fvisibility=hidden \
	-ffunction-sections -fdata-sections -fno-builtin-memcmp -Iapps \
	-Wall -Wextra -Werror -Wno-unused-parameter
APP_LDFLAGS := -Wl,--no-entry,--strip-all,--gc-sections,-O2 \
	-Wl,-z,stack-size=8192,--import-memory,--export=__heap_base

.PHONY: apps
apps: $(APP_WASM)
	$(Q)wc -c $(APP_WASM)

$(APP_NPM): apps/package-lock.json
	@echo "  NPM     apps"
	$(Q)cd apps && npm ci --ignore-scripts --no-audit --no-fund >/dev/null
	$(Q)touch $@

# Core modules are kept, so that only what changed is linked again.
.SECONDARY: $(APPS:%=build/apps/obj/%.wasm)

APP_SDK := $(wildcard apps/sdk/*.[ch])

.SECONDEXPANSION:
build/apps/obj/%.wasm: $$(wildcard apps/$$*/*.[ch]) $(APP_SDK) apps/rules.mk
	@mkdir -p $(@D)
	@echo "  APP     $*"
	$(Q)$(CC) $(APP_CFLAGS) $(APP_LDFLAGS) -o $@ $(filter %.c,$^)

build/apps/%.wasm: build/apps/obj/%.wasm apps/%/world.wit $(APP_NPM) \
		$(wildcard apps/tools/*.mjs) $(wildcard wasi/wit/*/*.wit)
	$(Q)node apps/tools/componentize.mjs $< apps/$*/world.wit $@ $(WIT_DIRS)
