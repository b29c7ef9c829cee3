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

static void find_abort(dc_messages *messages) {
  Dl_info info;
  void *symbol = NULL;
  messages->abort_start = (uint64_t)(uintptr_t)abort;
  messages->abort_end = messages->abort_start + 1024;
  // In a program that is not position-independent the address may be that of a slot of its linkage table.
  if (dladdr1((void *)(uintptr_t)abort, &info, &symbol, RTLD_DL_SYMENT) == 0 || !symbol || !info.dli_saddr) return;
  messages->abort_start = (uint64_t)(uintptr_t)info.dli_saddr;
  messages->abort_end = messages->abort_start + ((const ElfW(Sym) *)symbol)->st_size;
}

void dc_find_messages(dc_messages *messages) {
  find_abort(messages);
  messages->abort_message = (uint64_t)(uintptr_t)dlsym(RTLD_DEFAULT, "__abort_msg");
  const void *(*buffer)(void) = swift_getFatalErrorMessageBuffer;
  if (!buffer) *(void **)&buffer = dlsym(RTLD_DEFAULT, "swift_getFatalErrorMessageBuffer");
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
