# The WIT that the binary carries (wasi/wit.h), and the libraries: the
# resolver's, and TLS.

# 0.2 comes first: an interface named without a version is 0.2's.
WIT_FILES := $(sort $(wildcard wasi/wit/*/*.wit)) \
	$(sort $(wildcard wasi/wit-0.3/*/*.wit))
GEN_OBJS += $(OUT)/gen/wit.o
LDLIBS += -lcares -lssl -lcrypto

$(OUT)/gen/wit.c: $(WIT_FILES) wasi/wit/embed.py
	@mkdir -p $(@D)
	@echo "  WIT     $@"
	$(Q)$(PYTHON) wasi/wit/embed.py $@ $(WIT_FILES)

$(OUT)/gen/wit.o: $(OUT)/gen/wit.c
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
