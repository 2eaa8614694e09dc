# Benchmarks: the interpreter beside its peers, and calls between guest and
# host.  What they need from elsewhere is pinned, named when it is fetched, and
# kept in the user's cache.
BENCH_CACHE := $(CACHE)/bench
WASMI_VERSION := 2.0.0

# make bench [PROGRAMS="lua fib"] [ROUNDS=3] [JSON=file] [CHART=file]
#            [WASM3=program] [IWASM=program] [ENGINES=wasm3,native]
# make bench-peers: wasmi from crates.io, node from npm.
#
# wasm3 compiles SQLite and QuickJS only when it is built with
# -Dd_m3MaxFunctionStackHeight=16000.
.PHONY: bench bench-peers
bench: build/vyoma
	@mkdir -p build/bench
	$(Q)VYOMA=$(CURDIR)/$(OUT)/vyoma $(PYTHON) tests/bench/bench.py \
		--rounds $(or $(ROUNDS),3) $(if $(JSON),--json $(JSON)) \
		$(if $(ENGINES),--engines $(ENGINES)) \
		--chart $(or $(CHART),build/bench/chart.svg) $(PROGRAMS)

bench-peers: $(BENCH_CACHE)/peers/.wasmi-$(WASMI_VERSION) \
	$(BENCH_CACHE)/peers/node_modules/.complete

$(BENCH_CACHE)/peers/.wasmi-$(WASMI_VERSION):
	@echo "  CARGO   wasmi_cli $(WASMI_VERSION) to $(BENCH_CACHE)/peers"
	$(Q)cargo install --quiet --locked --root $(BENCH_CACHE)/peers \
		--version $(WASMI_VERSION) wasmi_cli
	$(Q)touch $@

$(BENCH_CACHE)/peers/node_modules/.complete: $(wildcard tests/bench/peers/*)
	@echo "  NPM     node to $(BENCH_CACHE)/peers"
	@mkdir -p $(BENCH_CACHE)/peers
	$(Q)cp $^ $(BENCH_CACHE)/peers/
	$(Q)cd $(BENCH_CACHE)/peers && npm ci --ignore-scripts --no-audit --no-fund
	$(Q)touch $@

# ---- host calls ------------------------------------------------------------
BENCH_HOST := $(OUT)/bench/host-driver
$(BENCH_HOST): tests/bench/host/driver.c $(OUT)/libvyoma-all.a
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MF $@.d $(LDFLAGS) -o $@ $< \
		$(OUT)/libvyoma-all.a $(LDLIBS)

build/bench/guest.wasm: tests/bench/host/guest.wat tools
	@mkdir -p $(@D)
	$(Q)node tests/tools/wat2wasm.mjs $< $@

# make bench-host [JSON=file] [LARGE=component.wasm] [SECONDS=30]: crossings
# in nanoseconds, instances, and HTTP under wrk (JSON.http), beside the peers
# that `make bench-host-peers` installed.
.PHONY: bench-host bench-host-peers
bench-host: $(BENCH_HOST) build/bench/guest.wasm build/vyoma
	$(Q)tests/bench/host/run.py --driver $(BENCH_HOST) \
		$(if $(JSON),--json $(JSON)) $(if $(LARGE),--large $(LARGE)) \
		build/bench/guest.wasm
	$(Q)VYOMA=$(CURDIR)/$(OUT)/vyoma tests/bench/host/serve.py \
		--seconds $(or $(SECONDS),30) $(if $(JSON),--json $(JSON).http)

bench-host-peers:
	$(Q)cd tests/bench/host && npm ci --ignore-scripts --no-audit --no-fund
	$(Q)cd tests/wasi && npm ci --ignore-scripts --no-audit --no-fund
	$(Q)$(PYTHON) -m venv build/bench/venv
	$(Q)build/bench/venv/bin/pip install -q -r tests/bench/host/peers.txt

# ---- loading ---------------------------------------------------------------
# make bench-load [JSON=file] [WASM3=program] [MODULES="a.wasm b.wasm"]: start,
# loading of modules of 14, 30 and 58 MB from npm, memory per instance.
BENCH_LOAD := $(OUT)/bench/load-driver
$(BENCH_LOAD): tests/bench/load/driver.c $(OUT)/libvyoma-all.a
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MF $@.d $(LDFLAGS) -o $@ $< \
		$(OUT)/libvyoma-all.a $(LDLIBS)

$(BENCH_CACHE)/load/.complete: $(wildcard tests/bench/load/package*.json)
	@echo "  NPM     esbuild, Ruby and pandoc (150 MB) to $(BENCH_CACHE)/load"
	@mkdir -p $(@D)
	$(Q)cp $^ $(@D)/
	$(Q)cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund
	$(Q)touch $@

.PHONY: bench-load
bench-load: $(BENCH_LOAD) build/vyoma tools \
	$(if $(MODULES),,$(BENCH_CACHE)/load/.complete)
	$(Q)VYOMA=$(CURDIR)/$(OUT)/vyoma tests/bench/load/run.py \
		--driver $(BENCH_LOAD) $(if $(JSON),--json $(JSON)) $(MODULES)
