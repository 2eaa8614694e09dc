# Fuzzing: make fuzz SECONDS=n [SEED=n] (see tests/fuzz/run-all).  The engine is
# built once more, with libFuzzer's coverage and both sanitizers.
FUZZ_OUT := build/fuzz
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,$(FUZZ_OUT)/%, \
	$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_OBJS := $(patsubst vm/%.c,$(FUZZ_OUT)/obj/vm/%.o,$(wildcard vm/*.c))
FUZZ_FLAGS := -std=gnu17 -O1 -g -fno-strict-aliasing $(WARN) \
	-fno-sanitize-recover=undefined
FUZZ_SAN := -fsanitize=fuzzer-no-link,address,undefined
SECONDS ?= 60
SEED ?= 1

$(FUZZ_OUT)/obj/vm/interp_%.o: FUZZ_SAN := -fomit-frame-pointer \
	-fno-stack-protector -ffp-contract=off -fno-math-errno -O2

$(FUZZ_OUT)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  FUZZ    $<"
	$(Q)$(CC) $(CPPFLAGS) $(FUZZ_FLAGS) $(FUZZ_SAN) -c -o $@ $<

$(FUZZ_OUT)/libvyoma.a: $(FUZZ_OBJS)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(FUZZ_OUT)/fuzz_%: tests/fuzz/fuzz_%.c $(wildcard tests/robust/exercise*.c) \
		$(FUZZ_OUT)/libvyoma.a
	$(Q)$(CC) $(CPPFLAGS) -MF $@.d $(FUZZ_FLAGS) \
		-fsanitize=fuzzer,address,undefined -fuse-ld=lld-19 \
		-o $@ $^ -lm -lpthread

$(FUZZ_OUT)/oracle: $(wildcard tests/fuzz/oracle*.c) $(FUZZ_OUT)/libvyoma.a
	$(Q)$(CC) $(CPPFLAGS) -MF $@.d $(FUZZ_FLAGS) \
		-fsanitize=address,undefined -fuse-ld=lld-19 -o $@ $^ -lm -lpthread

tests/fuzz/node_modules/.complete: tests/fuzz/package-lock.json
	@echo "  NPM     tests/fuzz"
	$(Q)cd tests/fuzz && npm ci --ignore-scripts --no-audit --no-fund \
		>/dev/null
	$(Q)touch $@

.PHONY: fuzz
fuzz: $(FUZZ_TARGETS) $(FUZZ_OUT)/oracle tools tests/fuzz/node_modules/.complete
	$(Q)SECONDS=$(SECONDS) SEED=$(SEED) tests/fuzz/run-all

-include $(FUZZ_OBJS:.o=.d)
