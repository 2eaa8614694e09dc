# The engine's tests from C, and the text modules that they load.
ENGINE_TESTS := $(patsubst tests/engine/%.c,$(OUT)/engine/%, \
	$(wildcard tests/engine/test_*.c))
ENGINE_WAT := $(wildcard tests/engine/wat/*.wat)
ENGINE_WASM := $(ENGINE_WAT:tests/engine/wat/%.wat=$(OUT)/engine/%.wasm)
NEEDS_engine = tools $(ENGINE_TESTS) $(ENGINE_WASM)

$(OUT)/engine/test_%: tests/engine/test_%.c $(OUT)/libvyoma-all.a
	@mkdir -p $(@D)
	@echo "  TEST    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MF $@.d $(filter-out -static,$(LDFLAGS)) \
		-o $@ $< $(OUT)/libvyoma-all.a $(LDLIBS) -lcmocka

# All at once: starting node takes longer than assembling.
$(ENGINE_WASM) &: $(ENGINE_WAT) tests/node_modules/.complete
	@mkdir -p $(OUT)/engine
	@echo "  WAT     tests/engine/wat"
	$(Q)node tests/tools/wat2wasm.mjs $(foreach w,$(ENGINE_WAT), \
		$w $(w:tests/engine/wat/%.wat=$(OUT)/engine/%.wasm))

-include $(ENGINE_TESTS:%=%.d)
