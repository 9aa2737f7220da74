# cull: build, test, install. `make help` lists the targets.
#
# Everything is built out of the source tree, in $(BUILD); the sanitizer, clang and coverage builds
# are the same rules with another BUILD. A folder without sources (sim/, bench/, ...) only means
# that its program is not built. Warnings are errors with WERROR=1, which continuous integration
# sets; V=1 shows the commands.

.DEFAULT_GOAL := all
.SUFFIXES:
.DELETE_ON_ERROR:

BUILD ?= build
V ?= 0
WERROR ?= 0
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

CFLAGS ?= -O2 -g
CXXFLAGS ?= -O2 -g
CLANG_FORMAT ?= clang-format
CLANG_TIDY ?= clang-tidy
INSTALL ?= install

prefix ?= /usr/local
exec_prefix ?= $(prefix)
bindir ?= $(exec_prefix)/bin
libdir ?= $(exec_prefix)/lib
includedir ?= $(prefix)/include
mandir ?= $(prefix)/share/man
pkgconfigdir ?= $(libdir)/pkgconfig

comma := ,
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),@:,@printf '  %-5s %s\n' $(1) $(2))

# --- what there is -----------------------------------------------------------------------------

VERSION := $(shell awk '/^\#define CULL_VERSION_(MAJOR|MINOR|PATCH)/ { v = v s $$3; s = "." } \
	END { print v }' core/include/cull/base.h)
ABI := $(firstword $(subst ., ,$(VERSION)))
SONAME := libcull.so.$(ABI)

HEADERS := $(sort $(wildcard core/include/cull/*.h))
LIB_SOURCES := $(sort $(wildcard core/src/*/*.c))
CLI_SOURCES := $(sort $(wildcard core/cli/*.c))
SIM_SOURCES := $(sort $(wildcard sim/*.c))
UNIT_SOURCES := $(sort $(wildcard tests/unit/*.c))
CRASH_SOURCES := $(sort $(wildcard tests/fault/crash_*.c))
CHAOS_SOURCES := $(sort $(wildcard tests/fault/chaos_*.c))
BENCH_SHARED := $(sort $(wildcard bench/shared/*.c))
BENCH_SOURCES := $(sort $(wildcard bench/micro/*.c bench/micro/*.cc))
MACRO_SOURCES := $(sort $(wildcard bench/macro/*.c))
REPORT_SOURCES := $(sort $(wildcard bench/report/*.c))
FUZZ_SOURCES := $(sort $(wildcard tests/fuzz/fuzz_*.c))
EXAMPLE_SOURCES := $(sort $(wildcard core/examples/*.c))
MAN_PAGES := $(sort $(wildcard core/man/*.[1-8]))
C_FILES = $(sort $(HEADERS) $(LIB_SOURCES) $(CLI_SOURCES) $(SIM_SOURCES) $(UNIT_SOURCES) \
	$(EXAMPLE_SOURCES) $(wildcard core/src/*/*.h core/cli/*.h core/examples/*.h sim/*.h tests/*/*.[ch] \
	tests/*/*.cc bench/*/*.h) $(BENCH_SOURCES) $(BENCH_SHARED) $(MACRO_SOURCES) $(REPORT_SOURCES))

# A folder's program is built once it has its main().
MAIN := ^int main(
with_main = $(if $(strip $(1)),$(shell grep -l '$(MAIN)' $(1)))
CLI_MAIN := $(call with_main,$(CLI_SOURCES))
SIM_MAIN := $(call with_main,$(SIM_SOURCES))

objects = $(patsubst %,$(BUILD)/obj/%.o,$(basename $(1)))
LIB_OBJECTS := $(call objects,$(LIB_SOURCES))
CLI_OBJECTS := $(call objects,$(CLI_SOURCES))
SIM_OBJECTS := $(call objects,$(SIM_SOURCES))
UNIT_OBJECTS := $(call objects,$(UNIT_SOURCES) $(filter-out $(SIM_MAIN),$(SIM_SOURCES)) \
	$(filter-out %_main.c,$(CRASH_SOURCES)))
CRASH_OBJECTS := $(call objects,$(CRASH_SOURCES) tests/unit/support.c \
	$(filter-out $(SIM_MAIN),$(SIM_SOURCES)))
CHAOS_OBJECTS := $(call objects,$(CHAOS_SOURCES))
BENCH_OBJECTS := $(call objects,$(BENCH_SOURCES) $(BENCH_SHARED))
MACRO_OBJECTS := $(call objects,$(MACRO_SOURCES) $(BENCH_SHARED))
REPORT_OBJECTS := $(call objects,$(REPORT_SOURCES))
BENCH_PROGRAMS := $(patsubst %,$(BUILD)/bench-%,micro macro report)
REPLAYS := $(patsubst tests/fuzz/fuzz_%.c,$(BUILD)/replay-%,$(FUZZ_SOURCES))
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,$(BUILD)/fuzz-%,$(FUZZ_SOURCES))
EXAMPLES := $(patsubst core/examples/%.c,$(BUILD)/examples/%,$(EXAMPLE_SOURCES))

PROGRAMS := $(if $(CLI_MAIN),$(BUILD)/cull) $(if $(SIM_MAIN),$(BUILD)/cull-sim)
LIBRARIES := $(BUILD)/libcull.a $(BUILD)/$(SONAME)

# --- how it is compiled ------------------------------------------------------------------------

# uthash and xxHash are headers only here; neither is linked.
LIB_PACKAGES := libcrypto sqlite3 yajl zlib
uses_jansson = $(if $(strip $(1)),$(shell grep -l '<jansson.h>' $(1) /dev/null))
CLI_PACKAGES := $(if $(call uses_jansson,$(CLI_SOURCES)),jansson)
SIM_PACKAGES := $(if $(call uses_jansson,$(SIM_SOURCES)),jansson)
UNIT_PACKAGES := check $(SIM_PACKAGES)
PACKAGES := $(sort libxxhash $(LIB_PACKAGES) $(CLI_PACKAGES) $(UNIT_PACKAGES))
# Also when a package is missing: then the flags are empty and the first rule says what to do.
pkg = $(if $(strip $(2)),$(shell pkg-config $(1) $(2) 2>/dev/null))

LIB_LIBS := $(call pkg,--libs,$(LIB_PACKAGES)) -pthread
CLI_LIBS := $(call pkg,--libs,$(CLI_PACKAGES)) $(LIB_LIBS)
SIM_LIBS := $(call pkg,--libs,$(SIM_PACKAGES)) $(LIB_LIBS)
UNIT_LIBS := $(call pkg,--libs,$(UNIT_PACKAGES)) $(LIB_LIBS)
BENCH_LIBS = $(call pkg,--libs,benchmark) $(LIB_LIBS)

WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wwrite-strings -Wundef -Wvla \
	-Wformat=2 $(if $(filter 1,$(WERROR)),-Werror)
# Every object may go into the shared library; nothing in it is meant to be interposed.
BASE_CFLAGS := -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden -fno-semantic-interposition \
	-pthread $(WARNINGS) $(call pkg,--cflags,$(PACKAGES))
BASE_CXXFLAGS := -std=c++17 -D_GNU_SOURCE -pthread -Wall -Wextra -Wpedantic -Wshadow \
	$(if $(filter 1,$(WERROR)),-Werror)

# The library, and what measures or tests it, see core/src; the command and the examples are written
# against the public headers.
INCLUDES := -Icore/include
$(BUILD)/obj/core/src/%.o $(BUILD)/obj/sim/%.o: INCLUDES := -Icore/include -Icore/src
$(BUILD)/obj/bench/%.o: INCLUDES := -Icore/include -Icore/src -Ibench
$(BUILD)/obj/tests/fuzz/%.o: INCLUDES := -Icore/include -Icore/src -Icore -I.
$(BUILD)/obj/tests/fault/%.o: INCLUDES := -Icore/include -Icore/src -I.
$(BUILD)/obj/tests/unit/%.o: INCLUDES := -Icore/include -Icore/src -I. -I$(BUILD)/obj
# suites.h declares the suites, for main.c alone.
$(BUILD)/obj/tests/unit/%.o: UNIT_CFLAGS := -Wno-missing-prototypes

COMPILE = $(CC) $(BASE_CFLAGS) $(UNIT_CFLAGS) $(INCLUDES) $(CPPFLAGS) $(CFLAGS)
COMPILE_CXX = $(CXX) $(BASE_CXXFLAGS) $(INCLUDES) $(CPPFLAGS) $(CXXFLAGS)
LINK = $(CC) $(CFLAGS) $(LDFLAGS) -Wl,--as-needed

# --- building ----------------------------------------------------------------------------------

.PHONY: all
all: $(LIBRARIES) $(PROGRAMS) $(EXAMPLES) ## Build the library and the programs

.PHONY: FORCE
FORCE:

$(BUILD)/:
	@mkdir -p $@

# Other flags, another compiler: everything is compiled again. What is missing is said once.
FLAGS_NOW := $(CC) $(BASE_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(CXX) $(CXXFLAGS)
$(BUILD)/flags: FORCE
	@command -v pkg-config >/dev/null && pkg-config --exists $(PACKAGES) || { \
		echo 'cull: development packages are missing: run "make deps"' >&2; exit 1; }
	@mkdir -p $(@D)
	@echo '$(FLAGS_NOW)' | cmp -s - $@ || echo '$(FLAGS_NOW)' >$@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -MMD -MP -c -o $@ $<

$(BUILD)/obj/%.o: %.cc $(BUILD)/flags
	$(call say,CXX,$<)
	@mkdir -p $(@D)
	$(Q)$(COMPILE_CXX) -MMD -MP -c -o $@ $<

# The suites: one for each tests/unit/test_<topic>.c.
$(BUILD)/obj/tests/unit/main.o: $(BUILD)/obj/suites.inc
$(BUILD)/obj/suites.inc: FORCE | $(BUILD)/flags
	@mkdir -p $(@D)
	@echo '$(SUITES)' | cmp -s - $@ || echo '$(SUITES)' >$@
SUITES := $(patsubst tests/unit/test_%.c,SUITE(%),$(filter tests/unit/test_%,$(UNIT_SOURCES)))

# The list of objects, so that a source that is gone leaves the archive.
$(BUILD)/%.list: FORCE | $(BUILD)/flags
	@echo '$(LIST)' | cmp -s - $@ || echo '$(LIST)' >$@
$(BUILD)/lib.list: LIST = $(LIB_OBJECTS)
$(BUILD)/unit.list: LIST = $(UNIT_OBJECTS)

$(BUILD)/libcull.a: $(LIB_OBJECTS) $(BUILD)/lib.list
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcs $@ $(LIB_OBJECTS)

$(BUILD)/$(SONAME): $(LIB_OBJECTS) $(BUILD)/lib.list core/packaging/libcull.map
	$(call say,LD,$@)
	$(Q)$(LINK) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=core/packaging/libcull.map \
		$(NO_UNDEFINED) -o $@ $(LIB_OBJECTS) $(LIB_LIBS)
NO_UNDEFINED ?= -Wl,--no-undefined

$(BUILD)/cull: $(CLI_OBJECTS) $(BUILD)/libcull.a
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $(CLI_OBJECTS) $(BUILD)/libcull.a $(CLI_LIBS)

$(BUILD)/cull-sim: $(SIM_OBJECTS) $(BUILD)/libcull.a
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $(SIM_OBJECTS) $(BUILD)/libcull.a $(SIM_LIBS)

# The library's own calls on files, which go to a disk of the tests (tests/fault/crash_calls.c), are
# watched (crash_order.c), or fail in turn (crash_nth.c); and its threads, which may not be given
# (crash_threads.c).
WRAP := $(patsubst %,-Wl$(comma)--wrap=%,close fsync lstat open rename stat unlink \
	fdatasync syncfs renameat2 unlinkat openat mkdir mkdirat fstat fstatat fchmod dup3 renameat \
	linkat copy_file_range read pread pwrite getdents64 pthread_create)
$(BUILD)/unit-tests $(BUILD)/crash-log: LINK += $(WRAP)

$(BUILD)/crash-log: $(CRASH_OBJECTS) $(BUILD)/libcull.a
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $(CRASH_OBJECTS) $(BUILD)/libcull.a $(SIM_LIBS)

# Sees cull(1) alone.
$(BUILD)/chaos: $(CHAOS_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $(CHAOS_OBJECTS)

$(BUILD)/unit-tests: $(UNIT_OBJECTS) $(BUILD)/libcull.a $(BUILD)/unit.list
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $(UNIT_OBJECTS) $(BUILD)/libcull.a $(UNIT_LIBS)

# What fuzz targets take beyond the library: parts of the command and of the simulator.
FUZZ_SUPPORT := $(filter-out $(call objects,$(CLI_MAIN) $(SIM_MAIN)),$(CLI_OBJECTS) $(SIM_OBJECTS)) \
	$(call objects,$(wildcard tests/fuzz/*_check.c))
$(BUILD)/fuzz.list: LIST = $(FUZZ_SUPPORT)
$(BUILD)/fuzz-support.a: $(FUZZ_SUPPORT) $(BUILD)/fuzz.list
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcs $@ $(FUZZ_SUPPORT)
FUZZ_ARCHIVES := $(BUILD)/fuzz-support.a $(BUILD)/libcull.a
FUZZ_LIBS = $(CLI_LIBS) $(SIM_LIBS)
# fuzz_git.c takes git's place.
$(BUILD)/replay-git $(BUILD)/fuzz-git: FUZZ_LINK := \
	-Wl,--wrap=git_start -Wl,--wrap=read -Wl,--wrap=cli_warn

# A fuzz target over its corpus, with any compiler; and with clang's fuzzer (`make fuzz`).
REPLAY_MAIN := $(BUILD)/obj/tests/fuzz/replay_main.o
$(REPLAYS): $(BUILD)/replay-%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(REPLAY_MAIN) $(FUZZ_ARCHIVES)
	$(call say,LD,$@)
	$(Q)$(LINK) $(FUZZ_LINK) -o $@ $< $(REPLAY_MAIN) $(FUZZ_ARCHIVES) $(FUZZ_LIBS)

$(FUZZERS): $(BUILD)/fuzz-%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(FUZZ_ARCHIVES)
	$(call say,LD,$@)
	$(Q)$(LINK) $(FUZZ_LINK) -fsanitize=fuzzer -o $@ $< $(FUZZ_ARCHIVES) $(FUZZ_LIBS)

$(BUILD)/make-seeds: $(BUILD)/obj/tests/fuzz/seeds_main.o $(FUZZ_ARCHIVES)
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $< $(FUZZ_ARCHIVES) $(FUZZ_LIBS)

$(BUILD)/bench-micro: $(BENCH_OBJECTS) $(BUILD)/libcull.a
	$(call say,LD,$@)
	$(Q)$(CXX) $(CXXFLAGS) $(LDFLAGS) -o $@ $(BENCH_OBJECTS) $(BUILD)/libcull.a $(BENCH_LIBS)

$(BUILD)/bench-macro: $(MACRO_OBJECTS) $(BUILD)/libcull.a
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $(MACRO_OBJECTS) $(BUILD)/libcull.a $(LIB_LIBS)

$(BUILD)/bench-report: $(REPORT_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $(REPORT_OBJECTS) $(LIB_LIBS)

.SECONDARY: $(call objects,$(EXAMPLE_SOURCES))
$(BUILD)/examples/%: $(BUILD)/obj/core/examples/%.o $(BUILD)/libcull.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) -o $@ $< $(BUILD)/libcull.a $(LIB_LIBS)

-include $(patsubst %.o,%.d,$(sort $(LIB_OBJECTS) $(CLI_OBJECTS) $(SIM_OBJECTS) $(UNIT_OBJECTS) \
	$(BENCH_OBJECTS) $(MACRO_OBJECTS) $(REPORT_OBJECTS) $(CRASH_OBJECTS) $(CHAOS_OBJECTS) \
	$(REPLAY_MAIN) $(FUZZ_SUPPORT) $(BUILD)/obj/tests/fuzz/seeds_main.o \
	$(call objects,$(EXAMPLE_SOURCES) $(FUZZ_SOURCES))))

# --- what it needs -----------------------------------------------------------------------------

.PHONY: deps deps-dev
deps: ## Install the Debian packages that are missing for building and testing
	@sh core/packaging/deps.sh build

deps-dev: ## Install what linting, coverage and sanitizers need
	@sh core/packaging/deps.sh build dev

# --- trying and testing ------------------------------------------------------------------------

# The packages may just have been installed: a make of its own asks pkg-config again.
AGAIN = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))

.PHONY: demo
demo: deps ## Show the main job on real files and histories, in temporary stores
	+@$(AGAIN) all
	@sh tests/demo.sh $(BUILD)/cull

.PHONY: check
check: deps ## All tests but the long ones (at most 4 minutes on two cores)
	+@$(AGAIN) all $(BUILD)/unit-tests $(BUILD)/crash-log $(BUILD)/chaos $(REPLAYS) $(BENCH_PROGRAMS)
	@CC='$(CC)' CXX='$(CXX)' MAKE='$(MAKE)' CFLAGS='$(CFLAGS)' CPPFLAGS='$(CPPFLAGS)' \
		LDFLAGS='$(LDFLAGS)' sh tests/check.sh $(BUILD)

.PHONY: unit
unit: $(BUILD)/unit-tests ## Unit tests alone; UNIT="base digest" runs these suites
	@$(BUILD)/unit-tests $(UNIT)

.PHONY: rules
rules: deps ## The rules of an artifact's life, by number, with the tests that show each
	+@$(AGAIN) all $(BUILD)/unit-tests
	@CC='$(CC)' sh tests/rules.sh $(BUILD)

.PHONY: model
model: deps ## The protocol's model through spin, whole and without each guard (FULL=1: 20 minutes)
	@CC='$(CC)' sh tests/model/verify.sh $(if $(filter 1,$(FULL)),--full) $(BUILD)

.PHONY: sim
sim: $(BUILD)/cull-sim ## More random histories than check (SEED=N, COUNT=N)
	$(BUILD)/cull-sim histories --count $(or $(COUNT),50000) --seed $(or $(SEED),2)

.PHONY: soak
soak: ## What takes hours, or T=SECONDS in all
	+@$(AGAIN) all $(BUILD)/crash-log $(BUILD)/chaos
	@sh tests/soak.sh $(BUILD) $(T)

# With clang's fuzzer, or with AFL++, whose compiler brings the same entry point. One target a time.
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SOURCES))
FUZZ_SECONDS = $(or $(T),$(SECONDS),60)
FUZZING := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined
.PHONY: fuzz fuzz-afl
fuzz: ## Fuzz each target, or TARGET=git, for T=60 seconds, with clang; finds go to build/fuzz/found
	+@$(AGAIN) BUILD=$(BUILD)/fuzz CC=clang CFLAGS='$(FUZZING)' \
		$(patsubst %,$(BUILD)/fuzz/fuzz-%,$(or $(TARGET),$(FUZZ_TARGETS)))
	@sh tests/fuzz/run.sh libfuzzer $(BUILD)/fuzz $(FUZZ_SECONDS) $(or $(TARGET),$(FUZZ_TARGETS))

fuzz-afl: ## The same with AFL++; finds go to build/afl/found
	@command -v afl-clang-fast >/dev/null || { \
		echo 'fuzz-afl: AFL++ is missing; as root: apt-get install afl++' >&2; exit 1; }
	+@$(AGAIN) BUILD=$(BUILD)/afl CC=afl-clang-fast CFLAGS='-O1 -g' \
		$(patsubst %,$(BUILD)/afl/fuzz-%,$(or $(TARGET),$(FUZZ_TARGETS)))
	@sh tests/fuzz/run.sh afl $(BUILD)/afl $(FUZZ_SECONDS) $(or $(TARGET),$(FUZZ_TARGETS))

.PHONY: corpus
corpus: $(BUILD)/make-seeds ## Write those inputs of the fuzz targets again that are made by programs
	$(BUILD)/make-seeds fixtures/corpus
	sh fixtures/corpus/git.sh

# What the mutants' copies are built with is in the environment, in no file.
.PHONY: mutants
mutants: ## Take each guard out of the library in turn: the tests must find it; ONLY="fence pin"
	+@$(AGAIN) $(BUILD)/cull-sim $(BUILD)/unit-tests $(BUILD)/crash-log
	@CC='$(CC)' CXX='$(CXX)' CFLAGS='$(CFLAGS)' CPPFLAGS='$(CPPFLAGS)' LDFLAGS='$(LDFLAGS)' \
		JOBS='$(JOBS)' $(if $(SEEDS),SEEDS='$(SEEDS)') sh tests/mutants.sh $(BUILD) $(ONLY)

ASAN := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
.PHONY: sanitize
sanitize: ## Unit tests and histories under AddressSanitizer and UBSan
	+@$(AGAIN) BUILD=$(BUILD)/asan CFLAGS='$(ASAN)' NO_UNDEFINED= $(BUILD)/asan/unit-tests \
		$(BUILD)/asan/crash-log \
		$(patsubst $(BUILD)/%,$(BUILD)/asan/%,$(PROGRAMS) $(EXAMPLES) $(REPLAYS))
	@sh tests/check.sh --sanitize $(BUILD)/asan

# The library and one suite; the others have one thread.
TSAN := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
TSAN_SOURCES := $(patsubst %,tests/unit/%.c,main test_threads store_support support)
.PHONY: tsan
tsan: ## Uploaders, deleters and a collector at once under ThreadSanitizer
	+@$(AGAIN) BUILD=$(BUILD)/tsan CFLAGS='$(TSAN)' NO_UNDEFINED= WRAP= \
		UNIT_SOURCES='$(TSAN_SOURCES)' SIM_SOURCES= CRASH_SOURCES= $(BUILD)/tsan/unit-tests
	@CK_FORK=no TSAN_OPTIONS=halt_on_error=1 $(BUILD)/tsan/unit-tests threads

COVERAGE := -O1 -g --coverage -fprofile-abs-path -fprofile-update=atomic
COVERAGE_MIN ?= 85
.PHONY: coverage
coverage: ## Line coverage of core/src; fails under 85 %
	+@$(AGAIN) BUILD=$(BUILD)/coverage CFLAGS='$(COVERAGE)' LDFLAGS=--coverage \
		$(BUILD)/coverage/unit-tests $(patsubst $(BUILD)/%,$(BUILD)/coverage/%,$(PROGRAMS) $(EXAMPLES))
	@find $(BUILD)/coverage -name '*.gcda' -delete
	@failed=0; sh tests/check.sh --coverage $(BUILD)/coverage || failed=1; \
		gcovr --root . --filter 'core/src/' --object-directory $(BUILD)/coverage \
		--fail-under-line $(COVERAGE_MIN) --html-details $(BUILD)/coverage/report.html \
		--html-title cull --txt $(BUILD)/coverage/report.txt --print-summary $(BUILD)/coverage || failed=1; \
		echo 'by file: $(BUILD)/coverage/report.txt and report.html'; exit $$failed

# Stores and figures lie in build/bench; the stores go in the end, the figures stay. On a machine
# that does other work too, look at the ratios.
BENCH_COMMIT = $(shell git describe --always --dirty 2>/dev/null || echo unknown)
.PHONY: bench bench-compare
bench: deps ## Every budget measured beside its limit: build/bench/report.md, report.json (5 minutes)
	+@$(AGAIN) all $(BENCH_PROGRAMS)
	@sh bench/report.sh $(BUILD) full $(BUILD)/bench '$(BENCH_COMMIT)'
	@cat $(BUILD)/bench/report.md

bench-compare: deps ## Two revisions measured in turns: BASE=REV, and GROUPS="micro open" ROUNDS=3
	+@$(AGAIN) all $(BENCH_PROGRAMS)
	@MAKE='$(MAKE)' sh bench/compare.sh $(BUILD) '$(BASE)' '$(or $(ROUNDS),3)' $(GROUPS)

# --- form --------------------------------------------------------------------------------------

.PHONY: format format-check
format: ## Lay out all C files
	@$(CLANG_FORMAT) -i --style=file $(C_FILES)

format-check: | $(BUILD)/
	@$(CLANG_FORMAT) --style=file --dry-run -Werror $(C_FILES) >$(BUILD)/format.log 2>&1 || { \
		sed -n 's/^\([^:]*\):.*error: .*/\1: not as clang-format lays it out/p' \
		$(BUILD)/format.log | sort | uniq -c; echo 'run "make format"'; exit 1; } >&2

# One analysis a source, remembered until the source or a header changes.
TIDY := $(patsubst %.c,$(BUILD)/tidy/%.ok,$(LIB_SOURCES) $(CLI_SOURCES) $(SIM_SOURCES))
ALL_HEADERS := $(sort $(HEADERS) $(wildcard core/src/*/*.h core/cli/*.h sim/*.h))
$(BUILD)/tidy/%.ok: %.c .clang-tidy $(ALL_HEADERS)
	$(call say,TIDY,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG_TIDY) --quiet --warnings-as-errors='*' $< -- -std=c11 -D_GNU_SOURCE \
		-Icore/include -Icore/src 2>$@.log || { cat $@.log >&2; exit 1; }
	@touch $@

.PHONY: tidy lint
tidy: $(TIDY)

lint: format-check ## Formatting, static analysis, man pages
	+@$(AGAIN) tidy
	@$(if $(MAN_PAGES),mandoc -T lint -W warning $(MAN_PAGES),:)

# --- installing --------------------------------------------------------------------------------

$(BUILD)/cull.pc: core/packaging/cull.pc.in core/include/cull/base.h $(BUILD)/install.list
	@sed -e 's|@prefix@|$(prefix)|' -e 's|@libdir@|$(libdir)|' -e 's|@includedir@|$(includedir)|' \
		-e 's|@version@|$(VERSION)|' -e 's|@requires@|$(LIB_PACKAGES)|' $< >$@
$(BUILD)/install.list: LIST = $(prefix) $(libdir) $(includedir)

.PHONY: install uninstall
install: all $(BUILD)/cull.pc ## Install below $(DESTDIR)$(prefix)
	$(Q)$(INSTALL) -d '$(DESTDIR)$(includedir)/cull' '$(DESTDIR)$(pkgconfigdir)'
	$(Q)$(INSTALL) -m 644 $(HEADERS) '$(DESTDIR)$(includedir)/cull'
	$(Q)$(INSTALL) -m 644 $(BUILD)/libcull.a '$(DESTDIR)$(libdir)'
	$(Q)$(INSTALL) -m 755 $(BUILD)/$(SONAME) '$(DESTDIR)$(libdir)/libcull.so.$(VERSION)'
	$(Q)ln -sf libcull.so.$(VERSION) '$(DESTDIR)$(libdir)/$(SONAME)'
	$(Q)ln -sf $(SONAME) '$(DESTDIR)$(libdir)/libcull.so'
	$(Q)$(INSTALL) -m 644 $(BUILD)/cull.pc '$(DESTDIR)$(pkgconfigdir)'
	$(Q)set -e; for program in $(PROGRAMS); do \
		$(INSTALL) -d '$(DESTDIR)$(bindir)'; \
		$(INSTALL) -m 755 $$program '$(DESTDIR)$(bindir)'; done
	$(Q)set -e; for page in $(MAN_PAGES); do \
		$(INSTALL) -d "$(DESTDIR)$(mandir)/man$${page##*.}"; \
		$(INSTALL) -m 644 $$page "$(DESTDIR)$(mandir)/man$${page##*.}"; done

uninstall: ## Remove what install put there
	$(Q)rm -rf '$(DESTDIR)$(includedir)/cull'
	$(Q)rm -f '$(DESTDIR)$(libdir)/libcull.a' '$(DESTDIR)$(libdir)/libcull.so.$(VERSION)' \
		'$(DESTDIR)$(libdir)/$(SONAME)' '$(DESTDIR)$(libdir)/libcull.so' \
		'$(DESTDIR)$(pkgconfigdir)/cull.pc' \
		$(patsubst $(BUILD)/%,'$(DESTDIR)$(bindir)/%',$(PROGRAMS))
	$(Q)for page in $(notdir $(MAN_PAGES)); do \
		rm -f "$(DESTDIR)$(mandir)/man$${page##*.}/$$page"; done

.PHONY: dist clean help
dist: | $(BUILD)/ ## Source archive of the last commit, in build/
	@git archive --format=tar --prefix=cull-$(VERSION)/ HEAD | gzip -n9 >$(BUILD)/cull-$(VERSION).tar.gz
	@echo $(BUILD)/cull-$(VERSION).tar.gz

clean: ## Remove build/
	@rm -rf $(BUILD)

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile
