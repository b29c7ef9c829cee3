// What the collector learns of threads that wait: which descriptors, and who may hold the locks.
#ifndef DUMPCOLLECT_WAITS_H
#define DUMPCOLLECT_WAITS_H

#include <sys/syscall.h>

#include "Vitals.h"

enum {
  dc_waits_bits = 131072,          // a bit for each thread id modulo 2^20
  dc_waits_numbers = 32768,        // descriptors that poll and epoll name, of all threads together
  dc_waits_descriptors = 16384,    // different ones that threads wait for
  dc_waits_table = 32768,          // of their numbers and of their inodes: half of each stays empty
  dc_waits_text = 131072,          // their paths
  dc_waits_for_one = 64,           // descriptors of one call, or of one epoll
  dc_lock_words = 11,
  dc_lock_words_before = 3,
};

/// One descriptor that threads wait for.
typedef struct dc_awaited {
  int32_t number;
  uint32_t thread;                 // 1 + index of one that waits for it; 0: an epoll watches it
  uint64_t inode;                  // of sockets and pipes
  uint32_t local[4], peer[4];      // in network order
  uint16_t local_port, peer_port;
  uint8_t kind;                    // DescriptorKind
  uint8_t protocol;                // as in capture.proto
  uint8_t state, address_size;
  uint32_t path;                   // where its path begins in `text`
  uint32_t next;                   // 1 + index of the next one of the same inode
  uint32_t watched;                // where its watched ones begin in `numbers`
  uint32_t watched_more;
  uint16_t path_count, watched_count;
  uint32_t peer_path;              // of a unix socket, as `path`
  uint32_t peer_path_count;
} dc_awaited;

/// Filled anew by each capture. Reserved at install, takes memory where it is used.
typedef struct dc_waits {
  uint32_t number_count, awaited_count, text_count;
  uint32_t skipped;                // descriptors beyond the limit
  uint8_t threads[dc_waits_bits];  // ids of the process's threads
  uint8_t owners[dc_waits_bits];   // ids of threads that a lock's words name
  int32_t numbers[dc_waits_numbers];
  uint32_t by_number[dc_waits_table];
  uint32_t by_inode[dc_waits_table];
  dc_awaited awaited[dc_waits_descriptors];
  uint8_t text[dc_waits_text];
} dc_waits;

/// Numbers of the system calls that say what they wait for.
enum {
  dc_number_nanosleep = SYS_nanosleep,
  dc_number_clock_nanosleep = SYS_clock_nanosleep,
  dc_number_ppoll = SYS_ppoll,
  dc_number_pselect6 = SYS_pselect6,
  dc_number_epoll_pwait = SYS_epoll_pwait,
  dc_number_epoll_pwait2 = 441,
#if defined(__x86_64__)
  dc_number_poll = SYS_poll,
  dc_number_select = SYS_select,
  dc_number_epoll_wait = SYS_epoll_wait,
#else
  dc_number_poll = -2,
  dc_number_select = -2,
  dc_number_epoll_wait = -2,
#endif
};

/// Whether the call's first argument is the descriptor that it waits for.
static inline SIGNAL_SAFE int32_t dc_waits_for_descriptor(int64_t number) {
  switch (number) {
    case SYS_read: case SYS_readv: case SYS_pread64: case SYS_preadv: case SYS_preadv2:
    case SYS_write: case SYS_writev: case SYS_pwrite64: case SYS_pwritev: case SYS_pwritev2:
    case SYS_accept: case SYS_accept4: case SYS_connect:
    case SYS_recvfrom: case SYS_recvmsg: case SYS_recvmmsg:
    case SYS_sendto: case SYS_sendmsg: case SYS_sendmmsg: case SYS_sendfile:
    case SYS_flock: case SYS_fcntl: case SYS_ioctl: case SYS_fsync: case SYS_fdatasync: case SYS_ftruncate:
    case SYS_epoll_pwait: case dc_number_epoll_pwait2:
#if defined(__x86_64__)
    case SYS_epoll_wait:
#endif
      return 1;
    default:
      return 0;
  }
}

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wnullability-completeness"
#endif

static inline SIGNAL_SAFE uint8_t *_Nonnull dc_waits_threads(dc_waits *_Nonnull waits) { return waits->threads; }
static inline SIGNAL_SAFE uint8_t *_Nonnull dc_waits_owners(dc_waits *_Nonnull waits) { return waits->owners; }
static inline SIGNAL_SAFE int32_t *_Nonnull dc_waits_number(dc_waits *_Nonnull waits, uint32_t index) {
  return &waits->numbers[index % dc_waits_numbers];
}
static inline SIGNAL_SAFE uint32_t *_Nonnull dc_waits_by_number(dc_waits *_Nonnull waits) { return waits->by_number; }
static inline SIGNAL_SAFE uint32_t *_Nonnull dc_waits_by_inode(dc_waits *_Nonnull waits) { return waits->by_inode; }
static inline SIGNAL_SAFE dc_awaited *_Nonnull dc_waits_descriptor(dc_waits *_Nonnull waits, uint32_t index) {
  return &waits->awaited[index % dc_waits_descriptors];
}
static inline SIGNAL_SAFE uint8_t *_Nonnull dc_waits_path(dc_waits *_Nonnull waits, uint32_t offset) {
  return &waits->text[offset % dc_waits_text];
}
static inline SIGNAL_SAFE uint32_t *_Nonnull dc_awaited_local(dc_awaited *_Nonnull awaited) { return awaited->local; }
static inline SIGNAL_SAFE uint32_t *_Nonnull dc_awaited_peer(dc_awaited *_Nonnull awaited) { return awaited->peer; }

#if defined(__clang__)
#pragma clang diagnostic pop
#endif

#endif
