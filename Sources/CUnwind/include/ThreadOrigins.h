// Where threads were created, as `thread_origins` asks for: interned stacks, and which thread has which.
#ifndef DUMPCOLLECT_THREAD_ORIGINS_H
#define DUMPCOLLECT_THREAD_ORIGINS_H

#include "SignalSafe.h"

enum {
  dc_origin_frames = 24,
  dc_origin_stacks = 1024,         // different stacks that live threads were created by
  dc_origin_threads = 65536,
  dc_origin_is_written = -1,
};

/// One stack that threads were created by. It may be taken for another one when nobody refers to it.
typedef struct dc_origin_stack {
  uint32_t references;             // threads that have it; ~0 while it is written
  uint32_t count;
  uint64_t hash;
  uint64_t frames[dc_origin_frames];
} dc_origin_stack;

/// One thread's entry, at the place of its id or behind it.
typedef struct dc_thread_origin {
  uint32_t tid;                    // 0: free
  uint32_t stack;                  // index + 1; 0 while the entry is made
  int32_t creator;
  uint32_t zero;
  int64_t begin_ns;                // CLOCK_BOOTTIME: tells the thread from an earlier one with its id
  char creator_name[16];
} dc_thread_origin;

/// Wiped in a forked child. Reserved, takes memory where it is used.
typedef struct dc_origins {
  dc_origin_stack stacks[dc_origin_stacks];
  dc_thread_origin threads[dc_origin_threads];
} dc_origins;

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wnullability-completeness"
#endif

static inline SIGNAL_SAFE dc_origin_stack *_Nonnull dc_origins_stack(dc_origins *_Nonnull origins, uint32_t index) {
  return &origins->stacks[index % dc_origin_stacks];
}
static inline SIGNAL_SAFE dc_thread_origin *_Nonnull dc_origins_thread(dc_origins *_Nonnull origins, uint32_t index) {
  return &origins->threads[index % dc_origin_threads];
}
static inline SIGNAL_SAFE uint32_t *_Nonnull dc_origin_references(dc_origin_stack *_Nonnull stack) {
  return &stack->references;
}
static inline SIGNAL_SAFE uint64_t *_Nonnull dc_origin_addresses(dc_origin_stack *_Nonnull stack) {
  return stack->frames;
}
static inline SIGNAL_SAFE uint32_t *_Nonnull dc_thread_origin_tid(dc_thread_origin *_Nonnull thread) {
  return &thread->tid;
}
static inline SIGNAL_SAFE uint32_t *_Nonnull dc_thread_origin_stack(dc_thread_origin *_Nonnull thread) {
  return &thread->stack;
}
static inline SIGNAL_SAFE char *_Nonnull dc_thread_origin_name(dc_thread_origin *_Nonnull thread) {
  return thread->creator_name;
}

// Implemented in Swift, called when threads are made and end.

/// The index + 1 of a stack, with one reference more; 0 where there is no room for it.
uint32_t dc_note_origin(dc_origins *origins, const uint64_t *frames, uint32_t count);
/// Gives a reference back that no thread has taken over.
void dc_forget_origin(dc_origins *origins, uint32_t stack);
/// Makes the reference the calling thread's; its entry, or NULL where there is no room (the reference is given back).
dc_thread_origin *dc_begin_thread_origin(
    dc_origins *origins, uint32_t stack, int32_t creator, const char *creator_name);
/// Gives the calling thread's entry back.
void dc_end_thread_origin(dc_origins *origins, dc_thread_origin *entry);

#if defined(__clang__)
#pragma clang diagnostic pop
#endif

#endif
