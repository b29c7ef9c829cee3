// Threads that are made with an alternate signal stack, and whose records say where they were made.
#define _GNU_SOURCE
#include "AlternateStack.h"
#include "SystemCalls.h"
#include "dumpcollect.h"

#include <execinfo.h>
#include <pthread.h>

// The compiler's unwinder, as libc loads it: it finds tables without a lock (_dl_find_object), and here, unlike in
// a signal handler, it may do so. 1.5 to 3 µs for 8 to 24 frames; a walk along frame pointers would be lost in the
// first library that keeps none, libstdc++ among them.
static uint32_t note_origin(dc_home *home, const void *caller) {
  enum { own_frames = 4 };
  void *found[dc_origin_frames + own_frames];
  uint64_t frames[dc_origin_frames];
  int count = backtrace(found, dc_origin_frames + own_frames);
  // Our own frames and that of the function that stands in pthread_create's place are left out.
  int first = 0;
  while (first < own_frames && first < count && found[first] != caller) first++;
  if (first == own_frames || first >= count) first = 0;
  uint32_t kept = 0;
  for (int i = first; i < count && kept < dc_origin_frames; i++) frames[kept++] = (uint64_t)(uintptr_t)found[i];
  return dc_note_origin(home->origins, frames, kept);
}

void dc_warm_up_origins(void) {
  void *frames[2];
  backtrace(frames, 2);
}

static void *begin(void *memory) {
  dc_thread_start *start = dc_start_of_alternate_stack(memory);
  void *(*body)(void *) = start->start;
  void *argument = start->argument;
  if (start->stack)
    start->origin =
        dc_begin_thread_origin(dc_get_home()->origins, start->stack, start->creator, start->creator_name);
  if (dc_adopt_alternate_stack(memory) != 0) {
    if (start->origin) dc_end_thread_origin(dc_get_home()->origins, start->origin);
    dc_return_alternate_stack(memory);
  }
  // The last thing this function does: it leaves no frame on the thread's stack.
  return body(argument);
}

int dumpcollect_thread_create(
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *), pthread_t *thread,
    const pthread_attr_t *attributes, void *(*start)(void *), void *argument, const void *caller) {
  dc_home *home = dc_get_home();
  if (!home || !dc_load32(&home->armed) || !dc_makes_alternate_stacks())
    return create(thread, attributes, start, argument);
  void *memory = dc_take_alternate_stack();
  // The service's thread comes first.
  if (!memory) return create(thread, attributes, start, argument);
  dc_thread_start *record = dc_start_of_alternate_stack(memory);
  record->start = start;
  record->argument = argument;
  record->origin = NULL;
  record->stack = 0;
  if (home->origins && home->settings.thread_origins) {
    record->stack = note_origin(home, caller);
    record->creator = dc_gettid();
    dc_syscall(SYS_prctl, 16, (uintptr_t)record->creator_name, 0, 0, 0, 0);
  }
  uint32_t stack = record->stack;
  int result = create(thread, attributes, begin, memory);
  if (result != 0) {
    if (stack) dc_forget_origin(home->origins, stack);
    dc_return_alternate_stack(memory);
  }
  return result;
}
