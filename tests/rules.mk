# Test programs.  Unit tests are tests/unit/test_*.c, one program each, linked
# with everything but main.c; they use cmocka and print TAP.

UNIT := $(patsubst tests/unit/%.c,$(OUT)/unit/%,$(wildcard tests/unit/test_*.c))

$(OUT)/unit/%: tests/unit/%.c $(OUT)/libvyoma-all.a
	@mkdir -p $(@D)
	@echo "  TEST    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MF $@.d $(filter-out -static,$(LDFLAGS)) \
		-o $@ $< $(OUT)/libvyoma-all.a $(LDLIBS) -lcmocka

.PHONY: unit
unit: $(UNIT)

# What a group needs to be built; all of it when no groups are named.
NEEDS_unit = $(UNIT)
NEEDS_spec = tools
NEEDS_robust = tools $(ROBUST)
NEEDS_component = tools
NEEDS_canon = tools
NEEDS_embed = libvyoma tools
NEEDS_profile = tools
NEEDS_apps = apps
NEEDS_languages = build/deps-languages.mk
WANTED = $(or $(GROUPS),$(patsubst tests/%/run,%,$(wildcard tests/*/run)))

# make test [GROUPS="unit spec"] [SAN=1]
.SECONDEXPANSION:
test: build/vyoma $$(foreach g,$$(WANTED),$$(NEEDS_$$g))
	$(Q)BUILD=$(CURDIR)/$(OUT) VYOMA=$(CURDIR)/$(OUT)/vyoma \
		tests/run $(GROUPS)

# ---- the official suite, and damaged modules -----------------------------
# What the scripts are assembled with, from npm, pinned.
tests/node_modules/.complete: tests/package.json tests/package-lock.json
	@echo "  NPM     tests"
	$(Q)cd tests && npm ci --ignore-scripts --no-audit --no-fund >/dev/null
	$(Q)touch $@

.PHONY: tools spec
tools: tests/node_modules/.complete

# make spec [SUITES=folder]
spec: build/vyoma tools
	$(Q)BUILD=$(CURDIR)/$(OUT) tests/run spec

ROBUST := $(OUT)/robust/mutate
$(ROBUST): $(wildcard tests/robust/*.c) $(OUT)/libvyoma-all.a
	@mkdir -p $(@D)
	@echo "  TEST    tests/robust"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MF $@.d $(filter-out -static,$(LDFLAGS)) \
		-o $@ $(wildcard tests/robust/*.c) $(OUT)/libvyoma-all.a $(LDLIBS)

ALLOC := $(OUT)/alloc/alloc
WRAP := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=mmap
NEEDS_alloc = tools $(ALLOC)
EXERCISE := $(wildcard tests/robust/exercise*.c)
$(ALLOC): tests/alloc/alloc.c $(EXERCISE) $(OUT)/libvyoma-all.a
	@mkdir -p $(@D)
	@echo "  TEST    tests/alloc"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MF $@.d $(filter-out -static,$(LDFLAGS)) \
		$(WRAP) -o $@ $^ $(LDLIBS)
