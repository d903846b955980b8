# SPDX-License-Identifier: Apache-2.0
# Nowgrid. `make demo` and `make test` are all that a newcomer needs; `make help` lists the rest.

VERSION := 0.1.0
SOVERSION := 0
PREFIX ?= /usr/local
DESTDIR ?=

# ---- Settings: make CC=clang, make SANITIZE=address,undefined BUILD=build-san ----
CC ?= gcc
BUILD ?= build
SANITIZE ?=
COVERAGE ?=
OPTIMISE ?= -O2

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2 \
	-Wswitch-enum -Wdouble-promotion
PACKAGES_NODE := libevent_core libxxhash liburcu-cds inih
PACKAGES_CLIENT := libevent_core libxxhash msgpack jansson
PACKAGES_SHELL := libedit
PACKAGES_TEST := criterion

CPPFLAGS += -I. -I$(BUILD)/gen -D_GNU_SOURCE -DGRID_VERSION='"$(VERSION)"'
CFLAGS += -std=gnu17 $(OPTIMISE) -g -fno-omit-frame-pointer -fstack-protector-strong -pthread $(WARNINGS)
LDFLAGS += -pthread
ifneq ($(SANITIZE),)
CFLAGS += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
LDFLAGS += -fsanitize=$(SANITIZE)
else
ALLOCATOR := $(shell pkg-config --libs jemalloc 2>/dev/null)
endif
ifneq ($(COVERAGE),)
CFLAGS += --coverage
LDFLAGS += --coverage
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
FUZZ_C := $(wildcard tests/fuzz/fuzz_*.c)
GENERATED_C := $(BUILD)/gen/grammar.c $(BUILD)/gen/lexer.c

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
CLUSTER_O := $(call objects,$(CLUSTER_C))
NODE_O := $(call objects,$(NODE_C)) $(BUILD)/obj/gen/grammar.o $(BUILD)/obj/gen/lexer.o
CLIENT_O := $(call objects,$(CLIENT_C))
SHELL_O := $(call objects,$(SHELL_C))
BENCH_O := $(call objects,$(BENCH_C))
UNIT_O := $(call objects,$(UNIT_C))

PROGRAMS := $(BUILD)/grid-node $(BUILD)/grid-shell $(BUILD)/grid-bench
EXAMPLES := $(patsubst client/examples/%.c,$(BUILD)/examples/%,$(EXAMPLES_C))
MICRO := $(patsubst bench/micro/%.c,$(BUILD)/micro/%,$(MICRO_C))
STRESS := $(patsubst tests/stress/%.c,$(BUILD)/tests/stress/%,$(STRESS_C))
SYSTEM := $(patsubst tests/system/%.c,$(BUILD)/tests/system/%,$(SYSTEM_C))

.PHONY: all demo test bench lint san tsan fuzz install deps clean help coverage
.DEFAULT_GOAL := all
.SECONDARY:

all: $(PROGRAMS) $(BUILD)/libgrid.a $(BUILD)/libgrid.so $(EXAMPLES)

# ---- Programs ----
$(BUILD)/grid-node: $(BUILD)/obj/node/main.o $(NODE_O) $(CLUSTER_O)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_NODE)

$(BUILD)/grid-shell: $(BUILD)/obj/client/shell/main.o $(SHELL_O) $(CLIENT_O) $(CLUSTER_O)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_CLIENT) $(LIBS_SHELL)

$(BUILD)/grid-bench: $(BUILD)/obj/bench/main.o $(BENCH_O) $(CLIENT_O) $(CLUSTER_O)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_CLIENT)

# One object whose internal names are local: programs that link the archive see grid_* only.
$(BUILD)/libgrid.o: $(CLIENT_O) $(CLUSTER_O)
	$(LD) -r -o $@ $^
	objcopy --wildcard --keep-global-symbol='grid_*' $@

$(BUILD)/libgrid.a: $(BUILD)/libgrid.o
	rm -f $@
	$(AR) rcs $@ $<

$(BUILD)/libgrid.so.$(VERSION): $(CLIENT_O) $(CLUSTER_O) client/libgrid.map
	$(CC) $(LDFLAGS) -shared -Wl,-soname,libgrid.so.$(SOVERSION) \
		-Wl,--version-script=client/libgrid.map -o $@ $(filter %.o,$^) $(LIBS_CLIENT)

$(BUILD)/libgrid.so: $(BUILD)/libgrid.so.$(VERSION)
	ln -sf $(notdir $<) $(BUILD)/libgrid.so.$(SOVERSION)
	ln -sf libgrid.so.$(SOVERSION) $@

# Examples see what a user of the library sees: the public header and the archive.
$(BUILD)/examples/%: client/examples/%.c client/grid.h $(BUILD)/libgrid.a
	@mkdir -p $(@D)
	$(CC) -Iclient -D_GNU_SOURCE $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/libgrid.a $(LIBS_CLIENT)

$(BUILD)/micro/%: $(BUILD)/obj/bench/micro/%.o $(NODE_O) $(CLUSTER_O)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_NODE)

# ---- Tests ----
$(BUILD)/tests/unit: $(UNIT_O) $(NODE_O) $(SHELL_O) $(BENCH_O) $(CLIENT_O) $(CLUSTER_O)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_NODE) $(LIBS_CLIENT) $(LIBS_SHELL) $(LIBS_TEST)

$(BUILD)/tests/stress/%: $(BUILD)/obj/tests/stress/%.o $(NODE_O) $(CLUSTER_O)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_NODE)

# ---- Compilation ----
$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<

# Generated C is not ours to keep free of warnings.
$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -w -fPIC -MMD -MP -c -o $@ $<

$(BUILD)/gen/grammar.c: node/query/grammar.y
	@mkdir -p $(@D)
	lemon -q -d$(@D) $<

$(BUILD)/gen/lexer.c: node/query/lexer.re $(BUILD)/gen/grammar.c
	@mkdir -p $(@D)
	re2c -W -o $@ $<

$(call objects,$(wildcard node/query/*.c)): | $(BUILD)/gen/grammar.c

clean:
	rm -rf build build-*

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
