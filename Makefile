# Slotcast: `make help` lists the targets. The modules, their layers and libraries: lib/layers.mk.

BUILD     ?= build$(if $(SANITIZE),-$(firstword $(subst $(comma), ,$(SANITIZE))))
PREFIX    ?= /usr/local
CXX       ?= g++
# -g1 is enough for backtraces, and full debugging information costs a third of the build: for a
# debugger, make OPTIMISE='-Og -g'. Sanitizers are slow to compile at -O2.
OPTIMISE  ?= $(if $(SANITIZE),-O1,-O2) -g1
# What waits for others most of the time (`unhurried` in lib/layers.mk and what only reads options), and
# tests, are compiled more often than they run: -O1 is a third faster to compile.
TOOL_OPTIMISE ?= -O1 -g1
TEST_OPTIMISE ?= -O0 -g1
WARNINGS  := -Wall -Wextra -Wpedantic -Wconversion -Wshadow
CXXFLAGS  += -std=c++23 -pthread $(OPTIMISE) $(WARNINGS) $(if $(WERROR),-Werror)
LDFLAGS   += -Wl,--as-needed -pthread
comma     := ,

# SANITIZE=address,undefined or SANITIZE=thread: another build folder, another set of flags.
ifdef SANITIZE
CXXFLAGS  += -fsanitize=$(SANITIZE) -fno-omit-frame-pointer
LDFLAGS   += -fsanitize=$(SANITIZE)
endif

V ?= 0
say = $(if $(filter 0,$(V)),@printf '  %-5s %s\n' '$(1)' '$(2)';)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDEXPANSION:
.SUFFIXES:

include lib/layers.mk

modules   := $(patsubst deps.%,%,$(filter deps.%,$(.VARIABLES)))
programs  := $(patsubst modules.%,%,$(filter modules.%,$(.VARIABLES)))
sources    = $(sort $(wildcard lib/$(1)/*.cpp))
objects    = $(patsubst %.cpp,$(BUILD)/%.o,$(1))

# A module with everything below it, users before what they use: the order in which ld wants it.
below      = $(foreach m,$(1),$(m) $(call below,$(deps.$(m))))
keep_last  = $(if $(1),$(call keep_last,$(wordlist 2,$(words $(1)),$(1)),$(if $(filter $(firstword $(1)),$(wordlist 2,$(words $(1)),$(1))),$(2),$(2) $(firstword $(1)))),$(2))
closure    = $(call keep_last,$(call below,$(1)))
archives   = $(foreach m,$(1),$(if $(call sources,$(m)),$(BUILD)/lib/lib$(m).a))
# pkg-config runs when a recipe needs it, so that `make deps` works before anything is installed.
cflags     = $(if $(strip $(1)),$(patsubst -I%,-isystem%,$(shell pkg-config --cflags $(1))))
link_libs  = $(foreach m,$(1),$(libs.$(m))) \
             $(if $(strip $(foreach m,$(1),$(pkgs.$(m)))),$(shell pkg-config --libs $(sort $(foreach m,$(1),$(pkgs.$(m))))))

## Building
all: $(programs:%=$(BUILD)/bin/%) ## build every program into build/bin

# Where to find lib/base/precompiled.hpp and what it was made into. ccache and clang do without.
# g++ 12 forgets what of it stood in system headers, and warns of what they do.
ifeq ($(notdir $(CXX)),g++)
precompiled = $(BUILD)/$(1)/base/precompiled.hpp.gch
precompiled_flags = -I$(BUILD)/$(1) -include base/precompiled.hpp -Wno-stringop-overread -Wno-array-bounds
$(call precompiled,pch-tool): precompiled_optimise = $(TOOL_OPTIMISE)
$(call precompiled,pch-test): precompiled_optimise = $(TEST_OPTIMISE)
$(foreach p,pch pch-tool pch-test,$(call precompiled,$(p))): lib/base/precompiled.hpp
	@mkdir -p $(@D)
	$(call say,CXX,$@)$(CXX) -Ilib $(CXXFLAGS) $(precompiled_optimise) $(CPPFLAGS) -MMD -MP -MF $(@:.gch=.d) -MT $@ -x c++-header -o $@ $<
endif

# Of a module, TOGETHER files at a time are compiled as one: what they include takes most of the
# time. Their names have to differ, even those only they see; what can't be so stands in alone.MODULE.
# A program gets all of a group: those of apart.MODULE are in none with the others.
# A group's name tells its members, as far as one that is added or removed gives another name.
# What g++ 12 inlines more of, it more often takes for uninitialized.
TOGETHER ?= 8
alone      = $(patsubst %,lib/$(1)/%.cpp,$(alone.$(1)))
apart      = $(patsubst %,lib/$(1)/%.cpp,$(apart.$(1)))
grouped    = $(filter-out $(alone) $(apart),$(sources))
group_name = $(BUILD)/lib/$(1)/$(basename $(notdir $(firstword $(2))))-$(words $(2))-$(basename $(notdir $(lastword $(2))))
the_next  := $(shell expr $(TOGETHER) + 1)
all_groups = $(if $(2),$(eval $(call group_rules,$(1),$(wordlist 1,$(TOGETHER),$(2))))$(call all_groups,$(1),$(wordlist $(the_next),999,$(2))))

pch_of       = $(if $(filter $(1),$(unhurried)),pch-tool,pch)
module_flags = $(call precompiled_flags,$(call pch_of,$(1))) -Ilib $(CXXFLAGS) $(if $(filter $(1),$(unhurried)),$(TOOL_OPTIMISE))

define group_rules
objects.$(1) += $(call group_name,$(1),$(2)).o
$(call group_name,$(1),$(2)).cpp: $(2)
	@mkdir -p $$(@D)
	@printf '#include "%s"\n' $$^ >$$@
$(call group_name,$(1),$(2)).o: $(call group_name,$(1),$(2)).cpp lib/layers.mk $(call precompiled,$(call pch_of,$(1)))
	$$(call say,CXX,$(2))$(CXX) $(call module_flags,$(1)) -I. -Wno-maybe-uninitialized $$(cflags.$(1)) $$(CPPFLAGS) -MMD -MP -c -o $$@ $$<
endef

define module_rules
cflags.$(1) = $$(eval cflags.$(1) := $$(call cflags,$$(foreach m,$$(call closure,$(1)),$$(pkgs.$$(m)))))$$(cflags.$(1))
objects.$(1) := $$(call objects,$$(call alone,$(1)))
$$(call all_groups,$(1),$$(call apart,$(1)))
$$(call all_groups,$(1),$$(call grouped,$(1)))
$(BUILD)/lib/$(1)/%.o: lib/$(1)/%.cpp lib/layers.mk $(call precompiled,$(call pch_of,$(1)))
	@mkdir -p $$(@D)
	$$(call say,CXX,$$<)$(CXX) $(call module_flags,$(1)) $$(cflags.$(1)) $$(CPPFLAGS) -MMD -MP -c -o $$@ $$<
$(BUILD)/lib/lib$(1).a: $$(objects.$(1))
	$$(call say,AR,$$@)rm -f $$@; $(AR) rcs $$@ $$^
endef
$(foreach m,$(modules),$(eval $(call module_rules,$(m))))

# What is built with libsrt, only with one whose known holes are mended. LIBSRT_FIXED=1 where no package tells.
$(objects.media): | libsrt
libsrt:
	@LIBSRT_FIXED='$(LIBSRT_FIXED)' tools/packaging/libsrt-fixed

$(BUILD)/tools/%.o: tools/%.cpp lib/layers.mk $(call precompiled,pch-tool)
	@mkdir -p $(@D)
	$(call say,CXX,$<)$(CXX) $(call precompiled_flags,pch-tool) -Ilib $(CXXFLAGS) $(TOOL_OPTIMISE) $(CPPFLAGS) -MMD -MP -c -o $@ $<

# What GET /openapi.json answers, taken into the program by the assembler.
$(BUILD)/openapi.json: lib/control/openapi/bundle.jq $(wildcard lib/control/openapi/*.json lib/wire/schemas/*.json)
	@mkdir -p $(@D)
	$(call say,JQ,$@)jq -n -c -f $^ >$@
$(BUILD)/lib/control/openapi.o: $(BUILD)/openapi.json
$(BUILD)/lib/control/openapi.o: CPPFLAGS += -Wa,-I$(BUILD)

# The calendar page, taken in the same way.
$(BUILD)/lib/control/pages.o: $(wildcard lib/web/calendar/*)
$(BUILD)/lib/control/pages.o: CPPFLAGS += -Wa,-Ilib/web/calendar

# The watch page, and its player from npm.
hls := lib/web/watch/node_modules/hls.js
$(BUILD)/lib/relay/player.o: $(wildcard lib/web/watch/*.*) $(hls)/dist/hls.light.min.js
$(BUILD)/lib/relay/player.o: CPPFLAGS += -Wa,-Ilib/web/watch -Wa,-Ilib/web/watch/node_modules
$(hls)/%:
	@echo 'make: error: $@ is not there: run make deps' >&2; exit 1

# Where relay-poster finds GStreamer's plugins without looking at all of them.
$(BUILD)/lib/media/gst_still.o: CPPFLAGS += -DSLOTCAST_GST_PLUGINS='"$(shell pkg-config --variable=pluginsdir gstreamer-1.0)"'

define program_rules
$(BUILD)/bin/$(1): $(BUILD)/tools/$(1).o $(call archives,$(call closure,$(modules.$(1))))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)$(CXX) $(CXXFLAGS) $(LDFLAGS) -o $$@ $$^ $$(call link_libs,$(call closure,$(modules.$(1))))
endef
$(foreach p,$(programs),$(eval $(call program_rules,$(p))))

# Unit tests: one binary; tests/unit/MODULE_*.cpp may include anything of that module and below.
# A module's are compiled together: the headers take most of the time. With what is fuzzed, to run it
# over the kept corpora.
fuzz_targets := $(sort $(wildcard tests/fuzz/target*.cpp))
unit_alone   := $(addprefix tests/unit/,main.cpp postgres_server.cpp control_model.cpp)
unit_tests   := $(filter-out $(unit_alone),$(sort $(wildcard tests/unit/*.cpp)))
unit_module   = $(firstword $(subst _, ,$(basename $(notdir $(1)))))
unit_together = $(addprefix $(BUILD)/tests/unit/,$(sort $(foreach f,$(unit_tests),$(call unit_module,$(f)).together)))
unit_modules := $(call closure,control carrier modem push relay cli)
unit_flags    = $(call precompiled_flags,pch-test) -Ilib $(CXXFLAGS) $(TEST_OPTIMISE) $(CPPFLAGS) -MMD -MP
$(BUILD)/tests/unit/%.o: tests/unit/%.cpp lib/layers.mk $(call precompiled,pch-test)
	@mkdir -p $(@D)
	$(call say,CXX,$<)$(CXX) $(unit_flags) -c -o $@ $<
define unit_rules
$(1).cpp: tests/unit/together $(filter tests/unit/$(basename $(notdir $(1)))_%,$(unit_tests))
	@mkdir -p $$(@D)
	@$$^ >$$@
$(1).o: $(1).cpp lib/layers.mk $(call precompiled,pch-test)
	$$(call say,CXX,tests/unit/$(basename $(notdir $(1)))_*.cpp)$(CXX) -I. -Itests/unit $$(unit_flags) -c -o $$@ $$<
endef
$(foreach t,$(unit_together),$(eval $(call unit_rules,$(t))))
# One that still names a test that is gone is made anew.
unit_gone = $(filter-out $(unit_tests),$(patsubst "%",%,$(filter "tests/unit/%.cpp",$(file <$(1).cpp))))
$(foreach t,$(unit_together),$(if $(call unit_gone,$(t)),$(shell rm -f $(t).cpp)))
$(BUILD)/tests/unit/unit: $(addsuffix .o,$(unit_together)) $(call objects,$(unit_alone) $(fuzz_targets)) $(call archives,$(unit_modules))
	$(call say,LINK,$@)$(CXX) $(CXXFLAGS) $(LDFLAGS) -o $@ $^ -lrapidcheck $(call link_libs,$(unit_modules))

# The fuzzer: one program for all targets. g++ has no libFuzzer: see `make fuzz`.
fuzz_modules := $(call closure,wire ical)
# of modules that would link much more
fuzz_parts := $(addprefix lib/relay/,extent.cpp path_merge.cpp http_reader.cpp http_rules.cpp pull_table.cpp viewer_token.cpp) \
              $(addprefix lib/media/,rtp_ts.cpp ts_scanner.cpp ts_psi.cpp ts_access.cpp)
$(BUILD)/tests/fuzz/%.o: tests/fuzz/%.cpp lib/layers.mk
	@mkdir -p $(@D)
	$(call say,CXX,$<)$(CXX) -Ilib $(CXXFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/tests/fuzz/fuzz: $(call objects,tests/fuzz/fuzz.cpp $(fuzz_targets) $(fuzz_parts)) $(call archives,$(fuzz_modules))
	$(call say,LINK,$@)$(CXX) $(CXXFLAGS) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(call link_libs,$(fuzz_modules))

# Small programs that only tests use: tests/tools/NAME.cpp; what they link: test_modules.NAME.
test_tools := $(patsubst test_modules.%,%,$(filter test_modules.%,$(.VARIABLES)))
define test_tool_rules
$(BUILD)/tests/tools/$(1): $(BUILD)/tests/tools/$(1).o $(call archives,$(call closure,$(test_modules.$(1))))
	$$(call say,LINK,$$@)$(CXX) $(CXXFLAGS) $(LDFLAGS) -o $$@ $$^ $$(call link_libs,$(call closure,$(test_modules.$(1))))
endef
$(BUILD)/tests/tools/%.o: tests/tools/%.cpp lib/layers.mk $(call precompiled,pch-tool)
	@mkdir -p $(@D)
	$(call say,CXX,$<)$(CXX) $(call precompiled_flags,pch-tool) -Ilib $(CXXFLAGS) $(TOOL_OPTIMISE) $(CPPFLAGS) -MMD -MP -c -o $@ $<
$(foreach t,$(test_tools),$(eval $(call test_tool_rules,$(t))))

# Preloaded by tests, see there.
preloads := $(BUILD)/tests/tools/record-http.so $(BUILD)/tests/tools/fail-sync.so
$(preloads): $(BUILD)/%.so: %.cpp
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CXX) -std=c++23 -O1 $(WARNINGS) -shared -fPIC -o $@ $<

unit: $(BUILD)/tests/unit/unit $(test_tools:%=$(BUILD)/tests/tools/%) $(preloads)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

## Running and testing
# One compiler for each core, unless the caller said how many: `make -j8 check`.
jobs = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

deps: ## install the Debian packages that are missing
	@tools/packaging/deps

# make passes INPUT on in the environment, as it was written.
demo: deps ## run the whole flow in network namespaces: make demo [INPUT=holiday.mp4]
	@$(MAKE) $(jobs) --no-print-directory all
	@PATH="$(abspath $(BUILD))/bin:$$PATH" examples/demo.sh "$${INPUT:-test:}"

check: deps ## build and run all tests (15 to 25 minutes on two cores)
	@$(MAKE) $(jobs) --no-print-directory WERROR=1 all unit
	@$(MAKE) --no-print-directory lint
	@tests/run $(BUILD) $(TESTS)

check-long: check ## what takes longer: sanitizer builds, repetitions
	@tests/run-long

stress: deps ## 200 000 operations of 32 clients on each ledger, then the audit
	@$(MAKE) $(jobs) --no-print-directory unit
	@tests/stress/contention $(BUILD) sqlite 200000
	@tests/stress/contention $(BUILD) postgres 200000

soak: deps ## an hour of streaming, in which no program's memory may grow; SOAK_SECONDS=300 for less
	@$(MAKE) $(jobs) --no-print-directory all
	@tests/stress/soak $(BUILD) $(or $(SOAK_SECONDS),3600)

bench-control: deps ## resv-control's speed, as JSON lines: takes 10 minutes; BENCH_STORED=20000 for one
	@$(MAKE) $(jobs) --no-print-directory all unit
	@tests/bench/control $(BUILD)

bench-push: deps ## what sending costs, beside ffmpeg and gst-launch, as JSON lines: takes 6 minutes
	@$(MAKE) $(jobs) --no-print-directory all
	@tests/bench/push $(BUILD)

bench-relay: deps ## what viewers cost, beside sendfile, nginx and icecast2, and how long media is on its way, as JSON lines: takes 10 minutes
	@$(MAKE) $(jobs) --no-print-directory all unit
	@tests/bench/relay $(BUILD)
	@tests/bench/relay-limits $(BUILD)
	@tests/bench/relay-latency $(BUILD)

FUZZ_SECONDS ?= 300
fuzz: deps ## look for inputs that break readers: make fuzz [FUZZ=ticket] [FUZZ_SECONDS=300], each
	@$(MAKE) $(jobs) --no-print-directory BUILD=build-fuzz CXX=clang++-19 OPTIMISE='-O1 -g1' \
	    SANITIZE=fuzzer-no-link,address,undefined build-fuzz/tests/fuzz/fuzz
	@tests/fuzz/run build-fuzz "$(FUZZ_SECONDS)" $(FUZZ)

mutants: deps ## break admission and locks on purpose: the contention test has to find each
	@$(MAKE) $(jobs) --no-print-directory unit
	@tests/mutants/run $(BUILD)

lint: deps ## format, shell, man pages, layers; clang-tidy on what changed against the main branch
	@tests/lint/run

lint-all: deps ## the same with clang-tidy on everything
	@tests/lint/run --all

## Installing
bindir  := $(DESTDIR)$(PREFIX)/bin
libexec := $(DESTDIR)$(PREFIX)/libexec/slotcast
mandir  := $(DESTDIR)$(PREFIX)/share/man
schemadir := $(DESTDIR)$(PREFIX)/share/slotcast/schemas
unitdir := $(DESTDIR)$(PREFIX)/lib/systemd/system
networkd := $(DESTDIR)$(PREFIX)/lib/systemd/networkd.conf.d
compdir := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
# Programs that only the others start.
internal := push-sender carrier-modem carrier-lease relay-ingest relay-srt-out relay-poster
public   := $(filter-out $(internal),$(programs))

install: all ## install into $(DESTDIR)$(PREFIX)
	install -d $(bindir) $(libexec) $(compdir) $(schemadir) $(unitdir) $(networkd)
	install -m 755 $(public:%=$(BUILD)/bin/%) $(bindir)
	install -m 755 $(internal:%=$(BUILD)/bin/%) $(libexec)
	for page in man/*.[1-8]; do \
	    install -D -m 644 "$$page" "$(mandir)/man$${page##*.}/$${page##*/}" || exit 1; done
	install -m 644 tools/packaging/completion/slotcast $(compdir)
	install -m 644 lib/wire/schemas/*.schema.json $(BUILD)/openapi.json $(schemadir)
	for unit in tools/packaging/systemd/*; do \
	    sed 's,@bindir@,$(PREFIX)/bin,' "$$unit" >"$(unitdir)/$${unit##*/}" && \
	    chmod 644 "$(unitdir)/$${unit##*/}" || exit 1; done
	install -m 644 tools/packaging/networkd/50-slotcast.conf $(networkd)
	for program in $(public); do ln -sf slotcast $(compdir)/$$program || exit 1; done

uninstall: ## remove what install put there; configuration and data stay
	rm -f $(public:%=$(bindir)/%) $(public:%=$(compdir)/%) $(compdir)/slotcast
	rm -rf $(libexec) $(schemadir)
	for unit in tools/packaging/systemd/*; do rm -f "$(unitdir)/$${unit##*/}"; done
	rm -f $(networkd)/50-slotcast.conf
	for page in man/*.[1-8]; do rm -f "$(mandir)/man$${page##*.}/$${page##*/}"; done

clean: ## remove what was built
	rm -rf build build-*

help: ## this list
	@awk -F ':.*## ' '/^## /{print "\n" substr($$0, 4) ":"} /^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' Makefile

.PHONY: all unit libsrt deps demo check check-long stress soak fuzz bench-control bench-push bench-relay mutants lint lint-all install uninstall clean help
