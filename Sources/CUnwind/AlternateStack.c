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

// As many as a service that makes a thread for each request has begun and ended at a time: mapping anew costs three
// system calls and a page fault, half of what making a thread costs.
enum { page_size = 4096, kept_stacks = 64 };

static pthread_key_t key;
static uint32_t has_key;
static uint64_t kept[kept_stacks];  // free ones, 0 for none

static intptr_t set_stack(const stack_t *stack, stack_t *old) {
  return dc_syscall(SYS_sigaltstack, (uintptr_t)stack, (uintptr_t)old, 0, 0, 0, 0);
}

static uint64_t round_up(uint64_t size) { return (size + page_size - 1) & ~(uint64_t)(page_size - 1); }

// The kernel's frame, which grows with the processor's registers, and what our handler and the action that it
// hands on to may need. Memory is taken only where it is touched.
static uint64_t body_size(void) {
  return round_up(dc_minimum_signal_stack() + dc_crash_handler_room + sizeof(dc_thread_start));
}

uint64_t dc_alternate_stack_size(void) { return (body_size() - sizeof(dc_thread_start)) & ~(uint64_t)63; }

dc_thread_start *dc_start_of_alternate_stack(void *memory) {
  return (dc_thread_start *)((uint8_t *)memory + page_size + body_size() - sizeof(dc_thread_start));
}

void *dc_take_alternate_stack(void) {
  for (int i = 0; i < kept_stacks; i++) {
    uint64_t found = dc_load64(&kept[i]);
    if (found && dc_claim64(&kept[i], found, 0)) return (void *)(uintptr_t)found;
  }
  uint8_t *memory = dc_reserve(page_size + body_size());
  if (memory && dc_protect(memory, page_size) != 0) {
    dc_unmap(memory, page_size + body_size());
    return NULL;
  }
  return memory;
}

void dc_return_alternate_stack(void *memory) {
  for (int i = 0; i < kept_stacks; i++)
    if (!dc_load64(&kept[i]) && dc_claim64(&kept[i], 0, (uintptr_t)memory)) return;
  dc_unmap(memory, page_size + body_size());
}

static int has_stack(void) {
  stack_t old;
  return set_stack(NULL, &old) == 0 && !(old.ss_flags & SS_DISABLE);
}

int32_t dc_adopt_alternate_stack(void *memory) {
  stack_t stack = {.ss_sp = (uint8_t *)memory + page_size, .ss_size = dc_alternate_stack_size()};
  int is_set = !has_stack();
  intptr_t result = is_set ? set_stack(&stack, NULL) : 0;
  // A failure here means that libc has no memory for the value; the stack would never be given back.
  if (result == 0 && pthread_setspecific(key, memory) != 0) {
    stack.ss_flags = SS_DISABLE;
    if (is_set) set_stack(&stack, NULL);
    return -12;
  }
  return (int32_t)result;
}

// Takes the calling thread's stack back from the kernel.
static void give_back(void *memory) {
  dc_thread_start *start = dc_start_of_alternate_stack(memory);
  dc_home *home = dc_get_home();
  if (start->origin && home) dc_end_thread_origin(home->origins, start->origin);
  start->origin = NULL;
  stack_t now;
  if (set_stack(NULL, &now) != 0) return;
  if (now.ss_sp == (uint8_t *)memory + page_size) {
    // Not while the thread runs on it: a signal handler of the service may have ended the thread.
    stack_t none = {.ss_flags = SS_DISABLE};
    if (set_stack(&none, NULL) != 0) return;
  }
  dc_return_alternate_stack(memory);
}

int32_t dc_prepare_alternate_stacks(void) {
  if (has_key) return 0;
  int failure = pthread_key_create(&key, give_back);
  if (failure) return -failure;
  dc_store32(&has_key, 1);
  return 0;
}

int32_t dc_makes_alternate_stacks(void) { return dc_load32(&has_key) != 0; }

int32_t dc_attach_alternate_stack(void) {
  if (!dc_makes_alternate_stacks()) return -107;
  if (has_stack()) return 0;
  // One that the thread was made with, and that another took the place of for a while.
  void *own = pthread_getspecific(key);
  void *memory = own ? own : dc_take_alternate_stack();
  if (!memory) return -12;
  if (!own) dc_start_of_alternate_stack(memory)->origin = NULL;
  int32_t result = dc_adopt_alternate_stack(memory);
  if (result != 0 && !own) dc_return_alternate_stack(memory);
  return result;
}

int32_t dc_detach_alternate_stack(void) {
  if (!dc_makes_alternate_stacks()) return -107;
  void *memory = pthread_getspecific(key);
  if (!memory) return 0;
  stack_t now;
  if (set_stack(NULL, &now) == 0 && now.ss_flags & SS_ONSTACK && now.ss_sp == (uint8_t *)memory + page_size)
    return -1;
  pthread_setspecific(key, NULL);
  give_back(memory);
  return 0;
}
