// Stands in front of libunwind: every call goes on to the real one, and steps wait as long as they are told to.
#include <dlfcn.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

atomic_int hold_step, is_held;

static void *real(const char *name) {
  static void *library;
  if (!library) library = dlopen(LIBUNWIND, RTLD_NOW | RTLD_LOCAL);
  void *found = library ? dlsym(library, name) : NULL;
  if (!found) abort();
  return found;
}

#define FORWARD(name)                                                                      \
  long name(long a, long b, long c, long d, long e, long f) {                              \
    static long (*function)(long, long, long, long, long, long);                           \
    if (!function) function = (long (*)(long, long, long, long, long, long))real(#name);   \
    return function(a, b, c, d, e, f);                                                     \
  }
FORWARD(_Ux86_64_create_addr_space)
FORWARD(_Ux86_64_set_caching_policy)
FORWARD(_Ux86_64_set_cache_size)
FORWARD(_Ux86_64_init_remote)
FORWARD(_Ux86_64_get_reg)
FORWARD(_Ux86_64_get_proc_info)
FORWARD(_Ux86_64_flush_cache)
FORWARD(_Ux86_64_dwarf_search_unwind_table)

int _Ux86_64_step(void *cursor) {
  static int (*function)(void *);
  if (!function) function = (int (*)(void *))real("_Ux86_64_step");
  while (atomic_load(&hold_step)) {
    atomic_store(&is_held, 1);
    sched_yield();
  }
  return function(cursor);
}
