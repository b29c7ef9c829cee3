// Watchdogs: counters that the service moves and the collector looks at.
#ifndef DUMPCOLLECT_WATCHDOGS_H
#define DUMPCOLLECT_WATCHDOGS_H

#include "SignalSafe.h"

enum { dc_watchdog_count = 128, dc_watchdog_name_size = 48 };

/// One watchdog: a cache line that the service writes, and what the collector has seen of it.
typedef struct dc_watchdog {
  uint64_t ticks;                  // counts up; whoever ticks stores one more
  uint32_t word;                   // generation << 2 | state, see Watchdog.swift
  int32_t tid;                     // of the thread that began it
  int64_t limit_ns;
  uint8_t rest[40];                // to the end of the line
  char name[dc_watchdog_name_size];
  uint64_t seen_ticks;
  int64_t silent_ns;               // that the collector has watched pass since the number last changed
  uint32_t seen_word;
  uint32_t has_fired;              // until it ticks again
  uint32_t is_alarm;               // to be named in the next capture
  uint32_t zero;
} dc_watchdog;
_Static_assert(sizeof(dc_watchdog) == 144, "names and what was seen lie behind the first line");

/// Wiped in a forked child, which begins with none.
typedef struct dc_watchdogs {
  uint32_t active;
  uint32_t zero;
  int64_t last_look_ns, planned_ns;  // the collector's
  dc_watchdog slots[dc_watchdog_count];
} dc_watchdogs;

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wnullability-completeness"
#endif

static inline SIGNAL_SAFE dc_watchdog *_Nonnull dc_watchdogs_slot(dc_watchdogs *_Nonnull watchdogs, uint32_t index) {
  return &watchdogs->slots[index % dc_watchdog_count];
}
static inline SIGNAL_SAFE uint32_t *_Nonnull dc_watchdogs_active(dc_watchdogs *_Nonnull watchdogs) {
  return &watchdogs->active;
}
static inline SIGNAL_SAFE uint64_t *_Nonnull dc_watchdog_ticks(dc_watchdog *_Nonnull watchdog) {
  return &watchdog->ticks;
}
static inline SIGNAL_SAFE uint32_t *_Nonnull dc_watchdog_word(dc_watchdog *_Nonnull watchdog) {
  return &watchdog->word;
}
static inline SIGNAL_SAFE char *_Nonnull dc_watchdog_name(dc_watchdog *_Nonnull watchdog) { return watchdog->name; }

#if defined(__clang__)
#pragma clang diagnostic pop
#endif

#endif
