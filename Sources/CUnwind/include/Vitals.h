// Memory that the collector counts descriptors and connections in, and the ring of notes.
#ifndef DUMPCOLLECT_VITALS_H
#define DUMPCOLLECT_VITALS_H

#include "SignalSafe.h"

enum {
  dc_census_sockets = 65536,       // descriptors looked at, so at most as many sockets
  dc_census_table = 131072,        // of their inodes: half of it stays empty
  dc_census_connections = 1024,    // different ones; further ones are counted by state alone
  dc_census_ports = 256,           // ports the process listens on
  dc_census_kinds = 16,
  dc_note_count = 256,
  dc_note_size = 512,
};

/// Connections that a reader would call the same.
typedef struct dc_connection {
  uint32_t address[4];             // in network order: the peer's, or the own one of a listening socket
  uint32_t count;
  uint16_t local_port, peer_port;
  uint8_t state, address_size, rest[2];
} dc_connection;

/// Filled anew by each capture. Reserved at install, takes memory where it is used.
typedef struct dc_census {
  uint64_t kinds[dc_census_kinds];
  uint64_t skipped;                // beyond the limits of number and time
  uint32_t inode_count, table_mask, connection_count, port_count;
  uint32_t socket_count, tcp_count, udp_count, unix_count;
  uint32_t is_cut;                 // the lists of sockets were not read to their end
  uint32_t looked_at, path_count, zero;
  uint16_t ports[dc_census_ports];
  dc_connection connections[dc_census_connections];
  uint64_t inodes[dc_census_sockets];
  uint64_t table[dc_census_table];
} dc_census;

/// One line given by dumpcollect_note.
typedef struct dc_note {
  uint64_t word;                   // 2 × ticket − 1 while it is written, 2 × ticket when it is whole
  int64_t time_ns;                 // CLOCK_REALTIME
  int32_t tid;
  uint32_t length;
  char text[dc_note_size - 24];
} dc_note;
_Static_assert(sizeof(dc_note) == dc_note_size, "a note is eight cache lines");

typedef struct dc_notes {
  uint64_t next;                   // tickets given so far: the first is 1
  uint64_t lost;                   // not kept, since a slower thread was still writing in their place
  uint8_t rest[dc_note_size - 16];
  dc_note ring[dc_note_count];
} dc_notes;

/// Orders what was read before it against what is read after it.
static inline SIGNAL_SAFE void dc_fence(void) { __atomic_thread_fence(__ATOMIC_ACQ_REL); }

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wnullability-completeness"
#endif

static inline SIGNAL_SAFE uint64_t *_Nonnull dc_census_kind(dc_census *_Nonnull census, uint32_t kind) {
  return &census->kinds[kind % dc_census_kinds];
}
static inline SIGNAL_SAFE uint64_t *_Nonnull dc_census_inodes(dc_census *_Nonnull census) { return census->inodes; }
static inline SIGNAL_SAFE uint64_t *_Nonnull dc_census_slots(dc_census *_Nonnull census) { return census->table; }
static inline SIGNAL_SAFE uint16_t *_Nonnull dc_census_port(dc_census *_Nonnull census, uint32_t index) {
  return &census->ports[index % dc_census_ports];
}
static inline SIGNAL_SAFE dc_connection *_Nonnull dc_census_connection(dc_census *_Nonnull census, uint32_t index) {
  return &census->connections[index % dc_census_connections];
}
static inline SIGNAL_SAFE uint32_t *_Nonnull dc_connection_address(dc_connection *_Nonnull connection) {
  return connection->address;
}
static inline SIGNAL_SAFE uint64_t *_Nonnull dc_notes_next(dc_notes *_Nonnull notes) { return &notes->next; }
static inline SIGNAL_SAFE uint64_t *_Nonnull dc_notes_lost(dc_notes *_Nonnull notes) { return &notes->lost; }
static inline SIGNAL_SAFE dc_note *_Nonnull dc_notes_entry(dc_notes *_Nonnull notes, uint64_t ticket) {
  return &notes->ring[ticket % dc_note_count];
}
static inline SIGNAL_SAFE uint64_t *_Nonnull dc_note_word(dc_note *_Nonnull note) { return &note->word; }
static inline SIGNAL_SAFE char *_Nonnull dc_note_text(dc_note *_Nonnull note) { return note->text; }

/// One of the process's resource limits: soft and hard, ~0 for none. 0 or -errno.
static inline SIGNAL_SAFE intptr_t dc_resource_limit(uint32_t resource, uint64_t *_Nonnull limits) {
  return dc_syscall(SYS_prlimit64, 0, resource, 0, (uintptr_t)limits, 0, 0);
}

#if defined(__clang__)
#pragma clang diagnostic pop
#endif

#endif
