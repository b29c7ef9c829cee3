// Alternate signal stacks of threads, for setup and for calls of the service; nothing here runs at signal time.
#ifndef DUMPCOLLECT_ALTERNATE_STACK_H
#define DUMPCOLLECT_ALTERNATE_STACK_H

#include <stdint.h>

/// Bytes on an alternate stack beside the kernel's frame: for our crash handler and the action behind it.
enum { dc_crash_handler_room = 65536 };

/// Before the first of the others, under the install lock; 0 or -errno.
int32_t dc_prepare_alternate_stacks(void);
/// Gives the calling thread an alternate stack until it ends, unless it has one; 0 or -errno.
int32_t dc_attach_alternate_stack(void);
/// Gives it back where it is ours; 0 or -errno (-EPERM on that very stack).
int32_t dc_detach_alternate_stack(void);

/// Bytes of each that a handler has, in whole pages.
uint64_t dc_alternate_stack_size(void);
/// Whether the calling thread has one, its own or ours.
int32_t dc_has_alternate_stack(void);
/// A closed page and the stack above it; NULL where there is no memory.
void *dc_map_alternate_stack(void);
void dc_unmap_alternate_stack(void *memory);
/// Makes such a mapping the calling thread's, to be unmapped when it ends.
int32_t dc_set_alternate_stack(void *memory);

#endif
