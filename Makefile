# SPDX-License-Identifier: Apache-2.0
# Nowgrid. `make demo` and `make test` are all that a newcomer needs; `make help` lists the rest.

VERSION := 0.1.0
SOVERSION := 0
PREFIX ?= /usr/local
DESTDIR ?=
# What belongs to the system keeps its configuration in /etc.
SYSCONFDIR ?= $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)

comma := ,

# ---- Settings: make CC=clang, make SANITIZE=address,undefined BUILD=build-san ----
ifeq ($(origin CC),default)
CC := gcc
endif
BUILD ?= build
SANITIZE ?=
COVERAGE ?=
OPTIMISE ?= -O2
FUZZ_SECONDS ?= 10
SEEDS ?= 1-200

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2 \
	-Wswitch-enum -Wdouble-promotion
PACKAGES_NODE := libevent_core libevent_extra libxxhash liburcu liburcu-cds inih
PACKAGES_CLIENT := libevent_core libxxhash msgpack jansson
PACKAGES_SHELL := libedit
PACKAGES_TEST := criterion

CPPFLAGS += -I. -I$(BUILD)/gen -D_GNU_SOURCE -DGRID_VERSION='"$(VERSION)"'
# The slab hands the same memory out under changing types: nothing is to be concluded from types.
CFLAGS += -std=gnu17 $(OPTIMISE) -fno-strict-aliasing -g -fno-omit-frame-pointer -fstack-protector-strong -pthread $(WARNINGS)
LDFLAGS += -pthread
ifneq ($(SANITIZE),)
CFLAGS += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
LDFLAGS += -fsanitize=$(SANITIZE)
else
# Named by no object that is optimised as a whole, so the linker would leave it out.
ALLOCATOR := $(patsubst %,-Wl$(comma)--push-state$(comma)--no-as-needed % -Wl$(comma)--pop-state,\
	$(shell pkg-config --libs-only-l jemalloc 2>/dev/null))
endif
ifneq ($(COVERAGE),)
CFLAGS += --coverage
LDFLAGS += --coverage
endif
# The node is optimised as a whole: reading, decoding and the store are one path (a get costs a fifth
# less). Its objects hold plain code too, for everything else that links them without WHOLE.
ifeq ($(SANITIZE)$(COVERAGE)$(findstring clang,$(CC)),)
# Without ipa-modref: with it gcc 12.2 builds a table whose unit tests fail (they are linked from the
# same objects); presumably it overlooks what a bucket's probe reads.
WHOLE := -flto=auto -fno-ipa-modref
WHOLE_OBJECT := $(WHOLE) -ffat-lto-objects
endif
LIBS_NODE = $(shell pkg-config --libs $(PACKAGES_NODE)) $(ALLOCATOR) -lm
LIBS_CLIENT = $(shell pkg-config --libs $(PACKAGES_CLIENT)) -lm
LIBS_SHELL = $(shell pkg-config --libs $(PACKAGES_SHELL))
LIBS_TEST = $(shell pkg-config --libs $(PACKAGES_TEST))

# ---- Sources, found by place ----
CLUSTER_C := $(wildcard cluster/*/*.c)
NODE_C := $(filter-out node/main.c,$(wildcard node/*.c node/*/*.c))
CLIENT_C := $(wildcard client/*.c)
SHELL_C := $(filter-out client/shell/main.c,$(wildcard client/shell/*.c))
BENCH_C := $(filter-out bench/main.c,$(wildcard bench/*.c))
MICRO_C := $(wildcard bench/micro/*.c)
EXAMPLES_C := $(wildcard client/examples/*.c)
UNIT_C := $(wildcard tests/unit/*/*.c tests/support/*.c)
STRESS_C := $(wildcard tests/stress/*.c)
SYSTEM_C := $(wildcard tests/system/*.c)
SIM_C := $(wildcard tests/sim/*.c)
SYSTEM_SUPPORT_C := $(wildcard tests/system/support/*.c)
FUZZ_C := $(wildcard tests/fuzz/fuzz_*.c)
# An installation is of a plain build.
SYSTEM_SCRIPTS := $(filter-out $(if $(SANITIZE)$(COVERAGE),tests/system/test_install.sh),\
	$(sort $(wildcard tests/system/test_*.sh)))
STRESS_SCRIPTS := $(sort $(wildcard tests/stress/test_*.sh))

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
CLUSTER_O := $(call objects,$(CLUSTER_C))
NODE_O := $(call objects,$(NODE_C)) $(BUILD)/obj/gen/grammar.o $(BUILD)/obj/gen/lexer.o
CLIENT_O := $(call objects,$(CLIENT_C))
SHELL_O := $(call objects,$(SHELL_C))
BENCH_O := $(call objects,$(BENCH_C))
MICRO_SUPPORT_O := $(call objects,bench/nexmark.c bench/keyset.c bench/zipfian.c)
UNIT_O := $(call objects,$(UNIT_C))
FUZZ_SUPPORT_O := $(call objects,tests/support/index_model.c tests/support/expression.c)
SYSTEM_SUPPORT_O := $(call objects,$(wildcard tests/system/support/*.c))

PROGRAMS := $(BUILD)/grid-node $(BUILD)/grid-shell $(BUILD)/grid-bench
EXAMPLES := $(patsubst client/examples/%.c,$(BUILD)/examples/%,$(EXAMPLES_C))
MICRO := $(patsubst bench/micro/%.c,$(BUILD)/micro/%,$(MICRO_C))
STRESS := $(patsubst tests/stress/%.c,$(BUILD)/tests/stress/%,$(STRESS_C))
# Grids that are killed, moved and parted under load are for plain builds: sanitizers make them too slow.
SYSTEM_PLAIN := $(patsubst %,tests/system/test_%.c,failover migration partition pause resume behind \
	stopped_subscriber)
SYSTEM := $(patsubst tests/system/%.c,$(BUILD)/tests/system/%,\
	$(if $(SANITIZE)$(COVERAGE),$(filter-out $(SYSTEM_PLAIN),$(SYSTEM_C)),$(SYSTEM_C)))
FUZZ := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_C))

# Short lines, unless V=1.
ifeq ($(V),)
say = @printf '  %-5s %s\n' $(1) $@;
endif

.PHONY: all demo test test-programs test-run sim sim-run bench micro san tsan tsan-run fuzz fuzz-run coverage \
	lint lint-run lint-format lint-arrows lint-headers lint-cppcheck lint-tidy lint-gates \
	install uninstall deps deps-lint deps-fuzz deps-bench clean help
.DEFAULT_GOAL := all
.SECONDARY:

# Where one command is to do everything, it uses all cores unless told otherwise. What pkg-config
# says is read when make starts, so whatever may install packages starts another make afterwards.
AGAIN = $(MAKE) $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc)) --no-print-directory

help:
	@echo 'make demo      install what is missing, build, show a grid of three nodes at work'
	@echo 'make test      install what is missing, build, run all tests'
	@echo 'make           build grid-node, grid-shell, grid-bench and libgrid into $(BUILD)/'
	@echo 'make deps      install the Debian packages that building and testing need'
	@echo 'make sim       whole grids under faults on a virtual clock: SEEDS=$(SEEDS), BUG=name plants one'
	@echo 'make bench     micro-benchmarks, and a load against a node and against Redis'
	@echo 'make lint      format, clang-tidy, cppcheck, include arrows, and proofs of each gate'
	@echo 'make san       all tests under the address and undefined-behaviour sanitizers'
	@echo 'make tsan      stress programs and a node under load with the thread sanitizer'
	@echo 'make fuzz      every decoder for FUZZ_SECONDS=$(FUZZ_SECONDS) each'
	@echo 'make coverage  statement coverage of the tests'
	@echo 'make install   into DESTDIR=$(DESTDIR) PREFIX=$(PREFIX); make uninstall takes it back'
	@echo 'make clean     remove what was built'
	@echo 'Settings: CC=clang BUILD=directory SANITIZE=address,undefined OPTIMISE=-O0'

all: $(PROGRAMS) $(BUILD)/libgrid.a $(BUILD)/libgrid.so $(EXAMPLES)

# ---- Programs ----
$(BUILD)/obj/node/main.o $(NODE_O) $(CLUSTER_O): CFLAGS += $(WHOLE_OBJECT)

$(BUILD)/grid-node: $(BUILD)/obj/node/main.o $(NODE_O) $(CLUSTER_O)
	$(call say,LD)$(CC) $(OPTIMISE) -fno-strict-aliasing $(WHOLE) $(LDFLAGS) -o $@ $^ $(LIBS_NODE)

$(BUILD)/grid-shell: $(BUILD)/obj/client/shell/main.o $(SHELL_O) $(CLIENT_O) $(CLUSTER_O)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_CLIENT) $(LIBS_SHELL)

$(BUILD)/grid-bench: $(BUILD)/obj/bench/main.o $(BENCH_O) $(CLIENT_O) $(CLUSTER_O)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_CLIENT)

# One object whose internal names are local: programs that link the archive see grid_* only.
$(BUILD)/libgrid.o: $(CLIENT_O) $(CLUSTER_O)
	$(call say,LD)$(LD) -r -o $@ $^
	@objcopy --wildcard --keep-global-symbol='grid_*' --remove-section='.gnu.lto_*' \
		--remove-section='.gnu.debuglto_*' $@

$(BUILD)/libgrid.a: $(BUILD)/libgrid.o
	@rm -f $@
	$(call say,AR)$(AR) rcs $@ $<

$(BUILD)/libgrid.so.$(VERSION): $(CLIENT_O) $(CLUSTER_O) client/libgrid.map
	$(call say,LD)$(CC) $(LDFLAGS) -shared -Wl,-soname,libgrid.so.$(SOVERSION) \
		-Wl,--version-script=client/libgrid.map -o $@ $(filter %.o,$^) $(LIBS_CLIENT)

$(BUILD)/libgrid.so: $(BUILD)/libgrid.so.$(VERSION)
	@ln -sf $(notdir $<) $(BUILD)/libgrid.so.$(SOVERSION)
	@ln -sf libgrid.so.$(SOVERSION) $@

# Examples see what a user of the library sees: the public header and the archive.
$(BUILD)/examples/%: client/examples/%.c client/grid.h $(BUILD)/libgrid.a
	@mkdir -p $(@D)
	$(call say,CC)$(CC) -Iclient -D_GNU_SOURCE $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/libgrid.a $(LIBS_CLIENT)

$(BUILD)/micro/%: $(BUILD)/obj/bench/micro/%.o $(MICRO_SUPPORT_O) $(NODE_O) $(CLUSTER_O)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_NODE)

# ---- Tests ----
$(BUILD)/tests/unit: $(UNIT_O) $(NODE_O) $(SHELL_O) $(BENCH_O) $(CLIENT_O) $(CLUSTER_O)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_NODE) $(LIBS_CLIENT) $(LIBS_SHELL) $(LIBS_TEST)

$(BUILD)/tests/stress/%: $(BUILD)/obj/tests/stress/%.o $(NODE_O) $(CLUSTER_O)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_NODE)

$(BUILD)/tests/system/%: $(BUILD)/obj/tests/system/%.o $(call objects,$(SYSTEM_SUPPORT_C)) $(CLIENT_O) $(CLUSTER_O)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_CLIENT)

$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(FUZZ_SUPPORT_O) $(NODE_O) $(SHELL_O) $(CLIENT_O) $(CLUSTER_O)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS_NODE) $(LIBS_CLIENT) $(LIBS_SHELL)

# The simulator has no sockets, threads or clocks, and neither has what it runs: of the client library,
# the core of its continuous queries.
SIM_O := $(call objects,$(SIM_C)) $(CLUSTER_O) $(BUILD)/obj/gen/grammar.o $(BUILD)/obj/gen/lexer.o \
	$(call objects,$(wildcard $(patsubst %,node/%/*.c,store query feed shard meta)) \
		$(wildcard client/standing*.c))

$(BUILD)/tests/sim: $(SIM_O)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs libxxhash) $(ALLOCATOR) -lm

sim: deps
	@$(AGAIN) sim-run

sim-run: $(BUILD)/tests/sim
	@$< --seeds=$(SEEDS) --jobs=$(shell nproc) $(if $(BUG),--bug=$(BUG))

test-programs: all $(BUILD)/tests/unit $(SYSTEM)

test-run: test-programs
	@BUILD=$(BUILD) CC='$(CC)' tests/run.sh $(BUILD)/tests/unit $(SYSTEM) $(SYSTEM_SCRIPTS)

test: deps
	@$(AGAIN) test-run

san: deps
	@SANITIZER_LOGS=build-san/reports $(AGAIN) BUILD=build-san SANITIZE=address,undefined \
		OPTIMISE=-O1 test-run

tsan: deps
	@SANITIZER_LOGS=build-tsan/reports $(AGAIN) BUILD=build-tsan SANITIZE=thread OPTIMISE=-O1 tsan-run

tsan-run: $(STRESS) $(PROGRAMS)
	@BUILD=$(BUILD) tests/run.sh $(STRESS) $(STRESS_SCRIPTS)

fuzz: deps deps-fuzz
	@$(AGAIN) CC=clang BUILD=build-fuzz SANITIZE=fuzzer-no-link,address,undefined fuzz-run

fuzz-run: $(FUZZ)
	@BUILD=$(BUILD) FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run.sh $(FUZZ)

coverage: deps
	@$(AGAIN) BUILD=build-coverage COVERAGE=1 OPTIMISE=-O0 test-run
	@BUILD=build-coverage tests/coverage.sh $(CLUSTER_C) $(NODE_C) $(CLIENT_C) $(SHELL_C)

# ---- Lint ----
lint_find = $(shell find cluster node client bench tests -name '$(1)' -not -path '*/planted/*')

# One gate after the other, and all of them even when one fails.
lint: deps deps-lint
	@$(MAKE) --no-print-directory --keep-going -j1 lint-run

lint-run: lint-format lint-arrows lint-headers lint-cppcheck lint-tidy lint-gates

lint-%: export CC := $(CC)
# Examples name the public header as their readers will.
lint-%: export LINT_CPPFLAGS := $(subst ',,$(CPPFLAGS)) -Iclient
lint-%: export LINT_CFLAGS := $(CFLAGS)

lint-format:
	$(call say,LINT)tests/lint/format.sh $(call lint_find,*.[ch])

lint-arrows:
	$(call say,LINT)tests/lint/arrows.sh . $(call lint_find,*.[ch]) $(call lint_find,*.re) \
		$(call lint_find,*.y)

lint-headers: $(BUILD)/gen/grammar.c
	$(call say,LINT)tests/lint/headers.sh $(call lint_find,*.h)

lint-cppcheck:
	$(call say,LINT)tests/lint/cppcheck.sh $(call lint_find,*.c)

lint-tidy: $(BUILD)/gen/grammar.c
	$(call say,LINT)tests/lint/tidy.sh $(call lint_find,*.c)

lint-gates:
	$(call say,LINT)tests/lint/check_gates.sh

# ---- To see it at work ----
demo: deps
	@$(AGAIN) all
	@BUILD=$(BUILD) client/examples/demo.sh

micro: $(MICRO)
	@for program in $(MICRO); do echo "== $$program"; $$program || exit 1; done

bench: deps deps-bench
	@$(AGAIN) all $(MICRO)
	@$(MAKE) --no-print-directory micro
	@BUILD=$(BUILD) bench/compare.sh

# ---- Dependencies ----
deps:
	@.ci/deps build test

deps-lint deps-fuzz deps-bench: deps-%:
	@.ci/deps $*

# ---- Installation ----
bin_dir = $(DESTDIR)$(PREFIX)/bin
lib_dir = $(DESTDIR)$(PREFIX)/lib
include_dir = $(DESTDIR)$(PREFIX)/include
man_dir = $(DESTDIR)$(PREFIX)/share/man/man1
doc_dir = $(DESTDIR)$(PREFIX)/share/doc/nowgrid
conf_dir = $(DESTDIR)$(SYSCONFDIR)/nowgrid
unit_dir = $(lib_dir)/systemd/system
MAN := $(wildcard docs/man/*.1)
# Templates name the places of this installation.
fill = sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@SYSCONFDIR@|$(SYSCONFDIR)|g' -e 's|@VERSION@|$(VERSION)|g'

install: all
	install -d $(bin_dir) $(lib_dir)/pkgconfig $(include_dir) $(man_dir) $(doc_dir) $(conf_dir) $(unit_dir)
	install -m 755 $(PROGRAMS) $(bin_dir)
	install -m 644 client/grid.h $(include_dir)
	install -m 644 $(BUILD)/libgrid.a $(lib_dir)
	install -m 755 $(BUILD)/libgrid.so.$(VERSION) $(lib_dir)
	ln -sf libgrid.so.$(VERSION) $(lib_dir)/libgrid.so.$(SOVERSION)
	ln -sf libgrid.so.$(SOVERSION) $(lib_dir)/libgrid.so
	$(fill) docs/grid.pc.in >$(lib_dir)/pkgconfig/grid.pc
	install -m 644 $(MAN) $(man_dir)
	install -m 644 README.md LICENSE $(wildcard docs/*.md) $(doc_dir)
	$(fill) docs/grid-node.service.in >$(unit_dir)/grid-node.service
	test -e $(conf_dir)/grid.conf || install -m 644 grid.conf $(conf_dir)

# The configuration stays: its owner may have changed it.
uninstall:
	rm -f $(addprefix $(bin_dir)/,$(notdir $(PROGRAMS))) $(include_dir)/grid.h
	rm -f $(lib_dir)/libgrid.a $(lib_dir)/libgrid.so $(lib_dir)/libgrid.so.$(SOVERSION)
	rm -f $(lib_dir)/libgrid.so.$(VERSION) $(lib_dir)/pkgconfig/grid.pc
	rm -f $(addprefix $(man_dir)/,$(notdir $(MAN))) $(unit_dir)/grid-node.service
	rm -rf $(doc_dir)

# ---- Compilation ----
$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<

# Generated C is not ours to keep free of warnings.
$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) $(CFLAGS) -w -fPIC -MMD -MP -c -o $@ $<

$(BUILD)/gen/grammar.c: node/query/grammar.y
	@mkdir -p $(@D)
	$(call say,LEMON)lemon -q -d$(@D) $<

$(BUILD)/gen/lexer.c: node/query/lexer.re $(BUILD)/gen/grammar.c
	@mkdir -p $(@D)
	$(call say,RE2C)re2c -W -o $@ $<

$(NODE_O) $(UNIT_O) $(call objects,$(SIM_C)): | $(BUILD)/gen/grammar.c

clean:
	rm -rf build build-*

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
