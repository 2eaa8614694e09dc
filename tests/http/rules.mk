# HTTP and TLS.  The client under test is an app of tests/e2e; the service is
# made in the same way.
HTTP_SERVICE := build/http/service.wasm
NEEDS_http = build/e2e/fetch/fetch.wasm $(HTTP_SERVICE)

build/http/obj/service.wasm: tests/http/service/service.c $(APP_SDK)
	@mkdir -p $(@D)
	@echo "  APP     http/service"
	$(Q)$(CC) $(APP_CFLAGS) $(APP_LDFLAGS) -o $@ $(filter %.c,$^)

$(HTTP_SERVICE): build/http/obj/service.wasm tests/http/service/world.wit \
		$(APP_NPM) $(wildcard apps/tools/*.mjs)
	$(Q)node apps/tools/componentize.mjs $< tests/http/service/world.wit $@ \
		$(WIT_DIRS)
