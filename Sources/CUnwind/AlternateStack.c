// Alternate signal stacks: without one a thread whose stack has overflowed has nowhere to run a crash handler.
//
// Each is a mapping of its own with a closed page below it, so that an overflow of the handler itself hits nobody's
// memory. The kernel forgets a thread's alternate stack when the thread ends, and nobody unmaps it: a destructor of
// libc's does, which runs for every way out but a raw exit system call. In a forked child it runs for the thread
// that forked; the stacks of the others stay mapped there, untouched.
#define _GNU_SOURCE
#include "AlternateStack.h"
#include "SystemCalls.h"

#include <pthread.h>

enum { page_size = 4096 };

static pthread_key_t key;
static uint32_t has_key;

static intptr_t set_stack(const stack_t *stack, stack_t *old) {
  return dc_syscall(SYS_sigaltstack, (uintptr_t)stack, (uintptr_t)old, 0, 0, 0, 0);
}

uint64_t dc_alternate_stack_size(void) {
  // The kernel's frame, which grows with the processor's registers, and what our handler and the action that it
  // hands on to may need. Memory is taken only where it is touched.
  uint64_t size = dc_minimum_signal_stack() + dc_crash_handler_room;
  return (size + page_size - 1) & ~(uint64_t)(page_size - 1);
}

void *dc_map_alternate_stack(void) {
  uint8_t *memory = dc_reserve(page_size + dc_alternate_stack_size());
  if (memory && dc_protect(memory, page_size) != 0) {
    dc_unmap(memory, page_size + dc_alternate_stack_size());
    return NULL;
  }
  return memory;
}

void dc_unmap_alternate_stack(void *memory) { dc_unmap(memory, page_size + dc_alternate_stack_size()); }

int32_t dc_set_alternate_stack(void *memory) {
  stack_t stack = {.ss_sp = (uint8_t *)memory + page_size, .ss_size = dc_alternate_stack_size()};
  intptr_t result = set_stack(&stack, NULL);
  // A failure here means that libc has no memory for the value; the stack would never be given back.
  if (result == 0 && pthread_setspecific(key, memory) != 0) {
    stack.ss_flags = SS_DISABLE;
    set_stack(&stack, NULL);
    return -12;
  }
  return (int32_t)result;
}

int32_t dc_has_alternate_stack(void) {
  stack_t old;
  return set_stack(NULL, &old) == 0 && !(old.ss_flags & SS_DISABLE);
}

// Takes the calling thread's stack back from the kernel and unmaps it.
static void give_back(void *memory) {
  stack_t now;
  if (set_stack(NULL, &now) != 0) return;
  if (now.ss_sp == (uint8_t *)memory + page_size) {
    // Not while the thread runs on it: a signal handler of the service may have ended the thread.
    stack_t none = {.ss_flags = SS_DISABLE};
    if (set_stack(&none, NULL) != 0) return;
  }
  dc_unmap_alternate_stack(memory);
}

int32_t dc_prepare_alternate_stacks(void) {
  if (has_key) return 0;
  int failure = pthread_key_create(&key, give_back);
  if (failure) return -failure;
  dc_store32(&has_key, 1);
  return 0;
}

int32_t dc_attach_alternate_stack(void) {
  if (!dc_load32(&has_key)) return -107;
  if (dc_has_alternate_stack()) return 0;
  void *memory = dc_map_alternate_stack();
  if (!memory) return -12;
  int32_t result = dc_set_alternate_stack(memory);
  if (result != 0) dc_unmap_alternate_stack(memory);
  return result;
}

int32_t dc_detach_alternate_stack(void) {
  if (!dc_load32(&has_key)) return -107;
  void *memory = pthread_getspecific(key);
  if (!memory) return 0;
  stack_t now;
  if (set_stack(NULL, &now) == 0 && now.ss_flags & SS_ONSTACK && now.ss_sp == (uint8_t *)memory + page_size)
    return -1;
  pthread_setspecific(key, NULL);
  give_back(memory);
  return 0;
}
