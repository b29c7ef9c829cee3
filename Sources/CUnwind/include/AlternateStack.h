// Alternate signal stacks of threads, for setup and for calls of the service; nothing here runs at signal time.
#ifndef DUMPCOLLECT_ALTERNATE_STACK_H
#define DUMPCOLLECT_ALTERNATE_STACK_H

#include <stdint.h>

#include "ThreadOrigins.h"

/// Bytes on an alternate stack beside the kernel's frame: for our crash handler and the action behind it.
enum { dc_crash_handler_room = 65536 };

/// What lies above an alternate stack, in the same mapping: what a thread that is made needs to begin, and what is
/// given back when it ends. So making a thread needs no heap, and none in which its creator is busy.
typedef struct dc_thread_start {
  void *(*start)(void *);
  void *argument;
  dc_thread_origin *origin;  // its entry, once it has begun
  uint32_t stack;            // of its creator: index + 1 among the origins
  int32_t creator;
  char creator_name[16];
} dc_thread_start;

/// Before the first of the others, under the install lock; 0 or -errno.
int32_t dc_prepare_alternate_stacks(void);
/// Gives the calling thread an alternate stack until it ends, unless it has one; 0 or -errno.
int32_t dc_attach_alternate_stack(void);
/// Gives it back where it is ours; 0 or -errno (-EPERM on that very stack).
int32_t dc_detach_alternate_stack(void);

/// Bytes of each that a handler has.
uint64_t dc_alternate_stack_size(void);
/// Whether there may be more: false before the first install.
int32_t dc_makes_alternate_stacks(void);
/// A closed page and the stack above it; NULL where there is no memory.
void *dc_take_alternate_stack(void);
/// Of a stack that no thread has.
void dc_return_alternate_stack(void *memory);
/// Makes such a mapping the calling thread's until it ends; as its alternate stack where it has none.
int32_t dc_adopt_alternate_stack(void *memory);
/// The record above the stack.
dc_thread_start *dc_start_of_alternate_stack(void *memory);

#endif
