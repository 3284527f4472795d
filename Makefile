# Thin on purpose: sources are found by directory, everything generated goes to build/.
# The variables a caller may set: PREFIX DESTDIR SAN=1 FAULTS=1 WERROR=1 CROSS_COMPILE=aarch64-linux-gnu- CC=clang
# FUZZ=1 (with CC=clang) links the targets of test/fuzz with libFuzzer: see `make fuzz`.

PREFIX ?= /usr/local
CC := $(CROSS_COMPILE)$(if $(filter default,$(origin CC)),gcc,$(CC))
AR := $(CROSS_COMPILE)ar
PKG_CONFIG ?= pkg-config
ifeq ($(CROSS_COMPILE),aarch64-linux-gnu-)
# The libraries that scripts/kernel-image unpacked.
SYSROOT := $(CURDIR)/build/kernels/sysroot-arm64
PKG_CONFIG := env PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 \
	PKG_CONFIG_LIBDIR=$(SYSROOT)/usr/lib/aarch64-linux-gnu/pkgconfig:$(SYSROOT)/usr/share/pkgconfig pkg-config
endif
PROTOC_C ?= protoc-c
VERSION := $(shell cat VERSION)

ROOT := $(CURDIR)
OUT := build$(if $(FUZZ),/fuzz)$(if $(SAN),/san)$(if $(FAULTS),/fault)$(if $(CROSS_COMPILE),/$(patsubst %-,%,$(CROSS_COMPILE)))

WARNINGS := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
CFLAGS ?= -O2 -g
ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 $(WARNINGS) $(if $(WERROR),-Werror) $(if $(FAULTS),-DLAZY_WP_FAULTS) \
	-I$(ROOT) -I$(OUT)/gen -DLAZY_WP_VERSION='"$(VERSION)"' $(CFLAGS) \
	$(shell $(PKG_CONFIG) --cflags libprotobuf-c libbsd 2>/dev/null)
comma := ,
SAN_FLAGS := $(if $(FUZZ),-fsanitize=fuzzer-no-link) $(if $(SAN)$(FUZZ),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
LDLIBS := $(shell $(PKG_CONFIG) --libs libprotobuf-c libbsd 2>/dev/null) -lpthread

LIB_DIRS := util arch arch/x86_64 arch/aarch64 ptrace-inject track image keeper/client session harvest cli/common
PROTOS := $(wildcard proto/*.proto)
GEN_C := $(PROTOS:proto/%.proto=$(OUT)/gen/%.pb-c.c)
LIB_C := $(foreach d,$(LIB_DIRS),$(wildcard $(d)/*.c))
lib_objs = $(LIB_C:%.c=$(OUT)/$(1)/%.o) $(PROTOS:proto/%.proto=$(OUT)/$(1)/gen/%.pb-c.o)
objs = $(patsubst %.c,$(OUT)/$(1)/%.o,$(wildcard $(2)))

BINS := $(OUT)/bin/criu $(OUT)/bin/criu-lazy-wp $(OUT)/bin/lazy-wpd
PLUGIN := $(OUT)/plugin/lazy_wp_plugin.so
UNIT_TESTS := $(patsubst test/unit/%.c,$(OUT)/test/unit/%,$(wildcard test/unit/test_*.c))
TOOL_TESTS := $(patsubst test/%.c,$(OUT)/test/%,$(wildcard test/inject/test_*.c))
FUZZ_TARGETS := $(patsubst test/%.c,$(OUT)/test/%,$(wildcard test/fuzz/fuzz_*.c))
ZDTM_TESTS := $(patsubst test/%.desc,$(OUT)/test/%,$(wildcard test/zdtm/static/*.desc test/zdtm/transition/*.desc))
# Tests of CRIU's own that our library must carry and our tracker survive: those of memory and tasks.
UPSTREAM := $(addprefix static/,cow00 cow01 file_shared futex-rl grow_map02 grow_map03 maps00 maps01 \
	maps03 maps06 maps_file_prot mem-touch memfd00 mprotect00 pthread00 sigaltstack vdso01 \
	write_read00 zombie00) $(addprefix transition/,file_aio fork fork2 pid_reuse ptrace rseq01)
ifneq ($(filter aarch64%,$(shell $(CC) -dumpmachine)),)
UPSTREAM := $(filter-out %/rseq01,$(UPSTREAM)) # has no test for it, only for x86
endif
UPSTREAM_C := $(wildcard $(UPSTREAM:%=build/criu/src/test/zdtm/%.c))
UPSTREAM_TESTS := $(UPSTREAM_C:build/criu/src/test/zdtm/%.c=$(OUT)/test/zdtm-upstream/%)
# What runs in a container of a test has no libraries there.
STATIC_PROGRAMS := $(OUT)/test/static/hot
PROGRAMS := $(patsubst test/programs/%.c,$(OUT)/test/programs/%,$(wildcard test/programs/*.c))
BENCHES := $(patsubst bench/%.c,$(OUT)/test/bench/%,$(wildcard bench/*.c))
PRELOADS := $(patsubst bench/preload/%.c,$(OUT)/test/bench/preload/%.so,$(wildcard bench/preload/*.c))

all: $(BINS) $(PLUGIN)
tests: $(BENCHES) $(PRELOADS) $(UNIT_TESTS) $(TOOL_TESTS) $(FUZZ_TARGETS) $(PROGRAMS) $(ZDTM_TESTS) $(UPSTREAM_TESTS) $(STATIC_PROGRAMS)

$(OUT)/gen/%.pb-c.c: proto/%.proto
	@mkdir -p $(@D)
	$(PROTOC_C) --proto_path=proto --c_out=$(@D) $<
$(OUT)/gen/%.pb-c.h: $(OUT)/gen/%.pb-c.c ;
GEN_H := $(GEN_C:.c=.h)

# Two sets of objects: obj/ for programs and tests, pic/ for the plugin, which is never sanitized.
$(OUT)/obj/gen/%.o: $(OUT)/gen/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(SAN_FLAGS) -MMD -MP -c -o $@ $<
$(OUT)/pic/gen/%.o: $(OUT)/gen/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIC -MMD -MP -c -o $@ $<
$(OUT)/obj/%.o: %.c | $(GEN_H)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(SAN_FLAGS) -MMD -MP -c -o $@ $<
$(OUT)/pic/%.o: %.c | $(GEN_H)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIC -MMD -MP -c -o $@ $<

$(OUT)/liblazywp.a: $(call lib_objs,obj)
	@rm -f $@
	$(AR) rcs $@ $^
$(OUT)/liblazywp-pic.a: $(call lib_objs,pic)
	@rm -f $@
	$(AR) rcs $@ $^

$(OUT)/bin/criu: $(call objs,obj,cli/launcher/*.c) $(OUT)/liblazywp.a
$(OUT)/bin/criu-lazy-wp: $(call objs,obj,cli/*.c) $(OUT)/liblazywp.a
$(OUT)/bin/lazy-wpd: $(call objs,obj,keeper/*.c) $(OUT)/liblazywp.a
$(BINS):
	@mkdir -p $(@D)
	$(CC) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# CRIU's header directory holds a string.h and others: it must come after the system's.
CRIU_INCLUDE := $(firstword $(wildcard build/criu/include /usr/include/criu))
ALL_CFLAGS += -idirafter $(CRIU_INCLUDE)

# -z now: a missing symbol must fail at load, not in the middle of a dump. The version script
# keeps every name but CR_PLUGIN_DESC and the interposed libc calls out of CRIU's way.
$(PLUGIN): $(call objs,pic,plugin/*.c) $(OUT)/liblazywp-pic.a plugin/exports.map
	@mkdir -p $(@D)
	$(CC) -shared $(LDFLAGS) -Wl,-z,now -Wl,--version-script=plugin/exports.map -o $@ \
		$(filter %.o %.a,$^) $(LDLIBS)

$(UNIT_TESTS): $(OUT)/test/%: $(OUT)/obj/test/%.o $(OUT)/liblazywp.a
	@mkdir -p $(@D)
	$(CC) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS) $(shell $(PKG_CONFIG) --libs cmocka)
# It plays kernels with known bugs.
$(OUT)/test/unit/test_probe: LDFLAGS += -Wl,--wrap=ioctl
$(TOOL_TESTS): $(OUT)/test/%: $(OUT)/obj/test/%.o $(call objs,obj,test/inject/harness/*.c) $(OUT)/liblazywp.a
	@mkdir -p $(@D)
	$(CC) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(BENCHES): $(OUT)/test/%: $(OUT)/obj/%.o $(OUT)/liblazywp.a
	@mkdir -p $(@D)
	$(CC) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
# Reference trackers: nothing of ours in them, and never sanitized.
$(PRELOADS): $(OUT)/test/bench/preload/%.so: bench/preload/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIC -shared -MMD -MP -MF $@.d -o $@ $< -lpthread -ldl
# The corpus through each target or, with FUZZ=1, a fuzzer of it.
$(FUZZ_TARGETS): $(OUT)/test/%: $(OUT)/obj/test/%.o $(OUT)/obj/test/fuzz/support.o \
		$(if $(FUZZ),,$(OUT)/obj/test/fuzz/replay.o) \
		$(filter-out %/main.o,$(call objs,obj,keeper/*.c)) $(OUT)/liblazywp.a
	@mkdir -p $(@D)
	$(CC) $(SAN_FLAGS) $(if $(FUZZ),-fsanitize=fuzzer) $(LDFLAGS) -o $@ $^ $(LDLIBS)
# Dumpees are ordinary programs: never sanitized, nothing of ours in them.
$(PROGRAMS): $(OUT)/test/programs/%: test/programs/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $< -lpthread
$(STATIC_PROGRAMS): $(OUT)/test/static/%: test/programs/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -static -o $@ $< -lpthread
$(OUT)/libzdtmtst.a: $(call objs,pic,test/zdtm/lib/*.c)
	@rm -f $@
	$(AR) rcs $@ $^
$(ZDTM_TESTS): $(OUT)/test/%: test/%.c $(OUT)/libzdtmtst.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Itest/zdtm/lib -MMD -MP -MF $@.d -o $@ $(filter %.c %.o %.a,$^) -lpthread
$(OUT)/test/zdtm/transition/memory_chaos: $(call objs,pic,test/zdtm/transition/chaos/*.c)
$(UPSTREAM_TESTS): $(OUT)/test/zdtm-upstream/%: build/criu/src/test/zdtm/%.c $(OUT)/libzdtmtst.a
	@mkdir -p $(@D)
	$(CC) -w -O2 -g -D_GNU_SOURCE -Itest/zdtm/lib -o $@ $^ -lpthread

setup:
	scripts/setup
demo: setup
	$(MAKE) all tests
	scripts/demo
check:
	scripts/setup --all-criu
	$(MAKE) all tests WERROR=1
	$(MAKE) all FAULTS=1 WERROR=1
	scripts/check $(OUT)
# 77: nothing to test with, for the reason printed.
check-engines:
	-scripts/setup --engines
	$(MAKE) all tests
	scripts/engines || [ $$? = 77 ]
# CRIU's own tests; takes hours. ZDTM="-f h -m live": only this flavour and mode. 77 as above.
check-zdtm:
	-scripts/setup --zdtm
	$(MAKE) all
	scripts/check-zdtm $(ZDTM) || [ $$? = 77 ]
soak:
	scripts/setup --all-criu
	$(MAKE) all tests
	$(MAKE) all FAULTS=1
	scripts/soak $(if $(SECONDS),--seconds $(SECONDS),--seeds $(or $(SEEDS),100)) --faults $(or $(COUNT),200)
lint:
	scripts/setup --lint
	scripts/lint
indent:
	scripts/lint --fix

# KERNELS="amd64-6.12 arm64-7": only these.
check-kernels: all tests
	scripts/kernels $(KERNELS)

fuzz-targets: $(FUZZ_TARGETS)
fuzz:
	scripts/setup --fuzz
	$(MAKE) fuzz-targets FUZZ=1 CC=clang
	scripts/fuzz $(or $(SECONDS),600)

# QUICK=1: seconds each, to see that they work; FULL=1: all that was asked for, about two hours.
BENCH := scan scale move freeze cost bytes
BENCH_MORE := pause redis sparse trackers profile
bench-setup:
	scripts/setup --bench
	$(MAKE) all tests
$(BENCH:%=bench-%) $(BENCH_MORE:%=bench-%): bench-%: bench-setup
	bench/$*
bench: bench-setup
	set -e; for name in $(BENCH); do bench/$$name; done
	bench/report
# Beside soft-dirty, in an emulated guest.
bench-guest: bench-setup
	bench/in-guest trackers freeze bytes
# The last `make bench`, against the committed bench/baseline.json.
bench-check: bench-setup
	bench/check

install: all
	scripts/install "$(DESTDIR)$(PREFIX)" $(OUT)
uninstall:
	scripts/install --remove "$(DESTDIR)$(PREFIX)"
deb:
	scripts/setup --deb
	scripts/deb
# 77: nothing to test with, for the reason printed.
check-deb: deb
	$(MAKE) $(STATIC_PROGRAMS)
	scripts/check-deb || [ $$? = 77 ]

clean:
	rm -rf build/obj build/pic build/gen build/bin build/plugin build/test build/san build/fault build/fuzz build/*.a

.SECONDARY:
.PHONY: all tests setup demo check soak lint indent fuzz fuzz-targets bench bench-setup bench-check bench-guest $(BENCH:%=bench-%) $(BENCH_MORE:%=bench-%) check-engines check-kernels check-zdtm uninstall deb check-deb install clean
-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
