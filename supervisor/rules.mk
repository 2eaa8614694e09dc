# PID 1 with hostile native programs in the place of apps (tests/supervisor).

HOSTILE := $(OUT)/supervisor-hostile
HOSTILE_SRCS := $(wildcard tests/supervisor/*.c)

$(HOSTILE): $(HOSTILE_SRCS) $(OUT)/libvyoma-all.a
	@echo "  TEST    $@"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MF $@.d $(LDFLAGS) -o $@ \
		$(HOSTILE_SRCS) $(OUT)/libvyoma-all.a $(LDLIBS)

test: $(HOSTILE)
