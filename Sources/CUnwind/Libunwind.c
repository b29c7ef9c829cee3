// libunwind's remote interface behind functions of our own: its names are macros, and a service must
// not be linked with it (it would take over _Unwind_RaiseException and the rest).
#define _GNU_SOURCE
#include "SharedState.h"

#include <dlfcn.h>
#include <libunwind-x86_64.h>
#include <stdio.h>
#include <string.h>

// Not in the installed headers; exported for libunwind-ptrace and libunwind-coredump, which use it so.
typedef int (*search_function)(
    unw_addr_space_t, unw_word_t, unw_dyn_info_t *, unw_proc_info_t *, int, void *);

static int find_proc_info(
    unw_addr_space_t space, unw_word_t ip, unw_proc_info_t *info, int need_info, void *context) {
  dc_unwind_table table;
  // Called with libunwind's lock held and all signals blocked, where a fault would end the process at once.
  dc_open_faults();
  if (dc_unwind_find_table(ip, &table, context) != 0) return -UNW_ENOINFO;
  unw_dyn_info_t dynamic;
  memset(&dynamic, 0, sizeof dynamic);
  dynamic.format = UNW_INFO_FORMAT_REMOTE_TABLE;
  dynamic.start_ip = table.start;
  dynamic.end_ip = table.end;
  dynamic.u.rti.segbase = table.header;
  dynamic.u.rti.table_data = table.table;
  dynamic.u.rti.table_len = table.table_bytes / sizeof(unw_word_t);
  search_function search = (search_function)dc_get_home()->unwind.search;
  int result = search(space, ip, &dynamic, info, need_info, context);
  if (result < 0) dc_unwind_note_missing(context);
  return result;
}

static void put_unwind_info(unw_addr_space_t space, unw_proc_info_t *info, void *context) {
  (void)space, (void)info, (void)context;
}

static int no_dynamic_info(unw_addr_space_t space, unw_word_t *list, void *context) {
  (void)space, (void)list, (void)context;
  return -UNW_ENOINFO;
}

static int access_memory(
    unw_addr_space_t space, unw_word_t address, unw_word_t *value, int is_write, void *context) {
  (void)space;
  if (is_write || dc_unwind_read_memory(address, value, context) != 0) return -UNW_EINVAL;
  return 0;
}

static int access_register(
    unw_addr_space_t space, unw_regnum_t number, unw_word_t *value, int is_write, void *context) {
  (void)space;
  if (is_write || dc_unwind_read_register(number, value, context) != 0) return -UNW_EBADREG;
  return 0;
}

static int access_float(
    unw_addr_space_t space, unw_regnum_t number, unw_fpreg_t *value, int is_write, void *context) {
  (void)space, (void)number, (void)value, (void)is_write, (void)context;
  return -UNW_EBADREG;
}

static int resume(unw_addr_space_t space, unw_cursor_t *cursor, void *context) {
  (void)space, (void)cursor, (void)context;
  return -UNW_EINVAL;
}

static int procedure_name(unw_addr_space_t space, unw_word_t address, char *name, size_t size,
                          unw_word_t *offset, void *context) {
  (void)space, (void)address, (void)name, (void)size, (void)offset, (void)context;
  return -UNW_ENOINFO;
}

#define LIBRARY "libunwind-x86_64.so.8"

#ifdef DUMPCOLLECT_STATIC
// A fully static program cannot load libraries. Its form of the archive has libunwind's objects inside, all their names
// local, so that nothing of it takes the place of the compiler's unwinder there either.
#define FUNCTIONS(X)                                                                               \
  X(create_addr_space) X(set_caching_policy) X(set_cache_size) X(init_remote) X(step) X(get_reg)   \
  X(get_proc_info) X(flush_cache) X(dwarf_search_unwind_table)
#define DECLARE(name) extern char linked_##name[] __asm__("_Ux86_64_" #name);
#define ENTRY(name) {"_Ux86_64_" #name, linked_##name},
FUNCTIONS(DECLARE)
static const struct {
  const char *name;
  void *function;
} linked[] = {FUNCTIONS(ENTRY)};

static void *open_library(dc_home *home) {
  dc_module module;
  if (dc_find_module((uint64_t)(uintptr_t)open_library, &module) && module.eh_frame_header) return (void *)linked;
  snprintf(home->libunwind_error, sizeof home->libunwind_error,
           "the program has no .eh_frame_hdr: link it with -Wl,--eh-frame-hdr");
  return NULL;
}

static void *find_function(void *library, const char *name) {
  (void)library;
  for (size_t i = 0; i < sizeof linked / sizeof *linked; i++)
    if (strcmp(linked[i].name, name) == 0) return linked[i].function;
  return NULL;
}
#else
static void *open_library(dc_home *home) {
  void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library) {
    const char *text = dlerror();
    snprintf(home->libunwind_error, sizeof home->libunwind_error, LIBRARY " cannot be loaded (Debian: apt-get install libunwind8): %s", text ? text : "not found");
  }
  return library;
}

static void *find_function(void *library, const char *name) { return dlsym(library, name); }
#endif

static int find(dc_home *home, void *library, const char *name, void *function) {
  void *found = find_function(library, name);
  if (!found) snprintf(home->libunwind_error, sizeof home->libunwind_error, "%s has no %s", LIBRARY, name);
  memcpy(function, &found, sizeof found);
  return found != NULL;
}

int dc_load_libunwind(dc_home *home) {
  if (home->unwind.address_space) return 0;
  home->libunwind_error[0] = 0;
  void *library = open_library(home);
  if (!library) return -1;
  unw_addr_space_t (*create)(unw_accessors_t *, int);
  int (*set_policy)(unw_addr_space_t, unw_caching_policy_t);
  int (*set_size)(unw_addr_space_t, size_t, int);
  dc_unwind_library *unwind = &home->unwind;
  if (!find(home, library, "_Ux86_64_create_addr_space", &create) ||
      !find(home, library, "_Ux86_64_set_caching_policy", &set_policy) ||
      !find(home, library, "_Ux86_64_set_cache_size", &set_size) ||
      !find(home, library, "_Ux86_64_init_remote", &unwind->init_remote) ||
      !find(home, library, "_Ux86_64_step", &unwind->step) ||
      !find(home, library, "_Ux86_64_get_reg", &unwind->get_register) ||
      !find(home, library, "_Ux86_64_get_proc_info", &unwind->get_function) ||
      !find(home, library, "_Ux86_64_flush_cache", &unwind->flush) ||
      !find(home, library, "_Ux86_64_dwarf_search_unwind_table", &unwind->search))
    return -1;
  // The struct may grow under the same soname: what a newer library reads beyond ours is zero.
  static union {
    unw_accessors_t accessors;
    char room[1024];
  } table;
  table.accessors.find_proc_info = find_proc_info;
  table.accessors.put_unwind_info = put_unwind_info;
  table.accessors.get_dyn_info_list_addr = no_dynamic_info;
  table.accessors.access_mem = access_memory;
  table.accessors.access_reg = access_register;
  table.accessors.access_fpreg = access_float;
  table.accessors.resume = resume;
  table.accessors.get_proc_name = procedure_name;
  unw_addr_space_t space = create(&table.accessors, 0);
  if (!space) {
    snprintf(home->libunwind_error, sizeof home->libunwind_error, "%s makes no address space", LIBRARY);
    return -1;
  }
  // One cache, used by the collector alone: per-thread caches would lie in TLS made on first use.
  set_policy(space, UNW_CACHE_GLOBAL);
  set_size(space, 4096, 0);
  unwind->address_space = space;
  return 0;
}

int dc_retry_libunwind(dc_home *home) { return dc_load_libunwind(home); }

int32_t dc_unwind_begin(const dc_unwind_library *library, void *cursor, void *context) {
  return library->init_remote(cursor, library->address_space, context);
}

int32_t dc_unwind_step(const dc_unwind_library *library, void *cursor) { return library->step(cursor); }

uint64_t dc_unwind_register(const dc_unwind_library *library, void *cursor, intptr_t number) {
  uint64_t value = 0;
  return library->get_register(cursor, (int)number, &value) == 0 ? value : 0;
}

int32_t dc_unwind_find_register(
    const dc_unwind_library *library, void *cursor, intptr_t number, uint64_t *value) {
  return library->get_register(cursor, (int)number, value) == 0;
}

uint64_t dc_unwind_function_start(const dc_unwind_library *library, void *cursor) {
  // The struct may grow under the same soname.
  union {
    unw_proc_info_t info;
    char room[512];
  } function;
  memset(&function, 0, sizeof function);
  return library->get_function(cursor, &function) == 0 ? function.info.start_ip : 0;
}

void dc_unwind_flush(const dc_unwind_library *library) { library->flush(library->address_space, 0, 0); }
