// Where a dying process leaves its last words. All of it is looked for at install: at the time of a crash memory is
// read, and nothing is called.
#define _GNU_SOURCE
#include "SharedState.h"

#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>

// Of libstdc++ or libc++abi, and of libswiftCore, where the program has them: linked statically too.
extern void *__cxa_get_globals(void) __attribute__((weak));
extern const void *swift_getFatalErrorMessageBuffer(void) __attribute__((weak));

#ifdef DUMPCOLLECT_STATIC
// Nothing can be looked for by name in a fully static program.
extern const void *__abort_msg __attribute__((weak));

static void find_abort(dc_messages *messages) {
  messages->abort_start = (uint64_t)(uintptr_t)abort;
  messages->abort_end = messages->abort_start + 1024;
  messages->abort_message = (uint64_t)(uintptr_t)&__abort_msg;
}

static void *find(const char *name) {
  (void)name;
  return NULL;
}
#else
static void *find(const char *name) { return dlsym(RTLD_DEFAULT, name); }

static void find_abort(dc_messages *messages) {
  messages->abort_message = (uint64_t)(uintptr_t)find("__abort_msg");
  Dl_info info;
  void *symbol = NULL;
  messages->abort_start = (uint64_t)(uintptr_t)abort;
  messages->abort_end = messages->abort_start + 1024;
  // In a program that is not position-independent the address may be that of a slot of its linkage table.
  if (dladdr1((void *)(uintptr_t)abort, &info, &symbol, RTLD_DL_SYMENT) == 0 || !symbol || !info.dli_saddr) return;
  messages->abort_start = (uint64_t)(uintptr_t)info.dli_saddr;
  messages->abort_end = messages->abort_start + ((const ElfW(Sym) *)symbol)->st_size;
}

#endif

void dc_find_messages(dc_messages *messages) {
  find_abort(messages);
  const void *(*buffer)(void) = swift_getFatalErrorMessageBuffer;
  if (!buffer) *(void **)&buffer = find("swift_getFatalErrorMessageBuffer");
  messages->swift_message = buffer ? (uint64_t)(uintptr_t)buffer() : 0;
  messages->has_exceptions = 0;
  if (__cxa_get_globals)
    messages->exceptions = (int64_t)((uint64_t)(uintptr_t)__cxa_get_globals() - dc_thread_pointer());
}

void dc_verify_messages(dc_messages *messages) {
  if (!__cxa_get_globals) return;
  int64_t distance = (int64_t)((uint64_t)(uintptr_t)__cxa_get_globals() - dc_thread_pointer());
  messages->has_exceptions = distance == messages->exceptions;
}
