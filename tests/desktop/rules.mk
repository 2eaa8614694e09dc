# The desktop's tests, and a picture to look at (build/.../desktop/demo).

DESKTOP_COMMON := tests/desktop/harness.c
DESKTOP_TESTS := $(wildcard tests/desktop/test_*.c) tests/desktop/main.c
DESKTOP_BUILD = $(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MF $@.d \
	$(filter-out -static,$(LDFLAGS)) -o $@ $(filter %.c %.a,$^) $(LDLIBS)

NEEDS_desktop = $(OUT)/desktop/tests $(OUT)/desktop/serve apps

$(OUT)/desktop/tests: $(DESKTOP_COMMON) $(DESKTOP_TESTS) \
		tests/desktop/harness.h $(OUT)/libvyoma-all.a
	@echo "  TEST    tests/desktop"
	$(DESKTOP_BUILD)

$(OUT)/desktop/demo: $(DESKTOP_COMMON) tests/desktop/demo.c \
		tests/desktop/harness.h $(OUT)/libvyoma-all.a
	@echo "  TEST    tests/desktop/demo"
	$(DESKTOP_BUILD)

# The whole desktop with its components, led by checks.py.
DESKTOP_SERVE := $(addprefix tests/desktop/,serve.c session.c puppets.c find.c)

$(OUT)/desktop/serve: $(DESKTOP_COMMON) $(DESKTOP_SERVE) \
		tests/desktop/harness.h tests/desktop/session.h $(OUT)/libvyoma-all.a
	@echo "  TEST    tests/desktop/serve"
	$(DESKTOP_BUILD)
