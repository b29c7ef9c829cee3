// The system calls of collector and setup, by name. Each returns the result or -errno.
#ifndef DUMPCOLLECT_SYSTEM_CALLS_H
#define DUMPCOLLECT_SYSTEM_CALLS_H

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "SharedState.h"

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wnullability-completeness"
#endif

enum {
  dc_flags_directory = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
  dc_flags_read = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
  dc_flags_create = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
};

/// In the place of a directory: paths are absolute.
static inline SIGNAL_SAFE int32_t dc_no_directory(void) { return AT_FDCWD; }
static inline SIGNAL_SAFE intptr_t dc_open_at(
    int32_t directory, const char *path, intptr_t flags, uint32_t mode) {
  return dc_syscall(SYS_openat, (uintptr_t)(intptr_t)directory, (uintptr_t)path, (uintptr_t)flags, mode, 0, 0);
}
static inline SIGNAL_SAFE void dc_close(int32_t descriptor) {
  dc_syscall(SYS_close, (uintptr_t)descriptor, 0, 0, 0, 0, 0);
}
static inline SIGNAL_SAFE intptr_t dc_read(int32_t descriptor, void *into, size_t count) {
  return dc_syscall(SYS_read, (uintptr_t)descriptor, (uintptr_t)into, count, 0, 0, 0);
}
static inline SIGNAL_SAFE intptr_t dc_read_at(int32_t descriptor, void *into, size_t count, uint64_t offset) {
  return dc_syscall(SYS_pread64, (uintptr_t)descriptor, (uintptr_t)into, count, offset, 0, 0);
}
static inline SIGNAL_SAFE intptr_t dc_write(int32_t descriptor, const void *from, size_t count) {
  return dc_syscall(SYS_write, (uintptr_t)descriptor, (uintptr_t)from, count, 0, 0, 0);
}
static inline SIGNAL_SAFE intptr_t dc_list_directory(int32_t descriptor, void *into, size_t count) {
  return dc_syscall(SYS_getdents64, (uintptr_t)descriptor, (uintptr_t)into, count, 0, 0, 0);
}
static inline SIGNAL_SAFE void dc_rewind(int32_t descriptor) {
  dc_syscall(SYS_lseek, (uintptr_t)descriptor, 0, 0, 0, 0, 0);
}
static inline SIGNAL_SAFE intptr_t dc_read_link(const char *path, void *into, size_t count) {
  return dc_syscall(SYS_readlinkat, (uintptr_t)(intptr_t)AT_FDCWD, (uintptr_t)path, (uintptr_t)into, count, 0, 0);
}
static inline SIGNAL_SAFE intptr_t dc_read_link_at(
    int32_t directory, const char *name, void *into, size_t count) {
  return dc_syscall(SYS_readlinkat, (uintptr_t)(intptr_t)directory, (uintptr_t)name, (uintptr_t)into, count, 0, 0);
}
static inline SIGNAL_SAFE intptr_t dc_make_directory(const char *path, uint32_t mode) {
  return dc_syscall(SYS_mkdirat, (uintptr_t)(intptr_t)AT_FDCWD, (uintptr_t)path, mode, 0, 0, 0);
}
static inline SIGNAL_SAFE intptr_t dc_unlink_at(int32_t directory, const char *name) {
  return dc_syscall(SYS_unlinkat, (uintptr_t)directory, (uintptr_t)name, 0, 0, 0, 0);
}
/// Fails with -EEXIST where `no_replace` and the new name is taken.
static inline SIGNAL_SAFE intptr_t dc_rename_at(
    int32_t directory, const char *old_name, const char *new_name, int32_t no_replace) {
  return dc_syscall(SYS_renameat2, (uintptr_t)directory, (uintptr_t)old_name, (uintptr_t)directory,
                    (uintptr_t)new_name, (uintptr_t)no_replace, 0);
}
/// Gives a file a second name, for file systems without RENAME_NOREPLACE.
static inline SIGNAL_SAFE intptr_t dc_link_at(int32_t directory, const char *old_name, const char *new_name) {
  return dc_syscall(SYS_linkat, (uintptr_t)directory, (uintptr_t)old_name, (uintptr_t)directory,
                    (uintptr_t)new_name, 0, 0);
}
/// An exclusive lock of the open file, not waited for; ends with the last copy of the descriptor.
static inline SIGNAL_SAFE intptr_t dc_lock_file(int32_t descriptor) {
  return dc_syscall(SYS_flock, (uintptr_t)descriptor, 2 | 4, 0, 0, 0, 0);
}

static inline SIGNAL_SAFE intptr_t dc_open_socket(int32_t family, int32_t type, int32_t protocol) {
  return dc_syscall(SYS_socket, (uintptr_t)family, (uintptr_t)type, (uintptr_t)protocol, 0, 0, 0);
}

typedef struct dc_file_status {
  uint32_t mode, owner;
  uint64_t size, inode, device;
  int64_t modified_ns;
} dc_file_status;

/// Of a name in a directory, symbolic links not followed; of the directory itself for an empty name.
static inline SIGNAL_SAFE intptr_t dc_status_at(int32_t directory, const char *name, dc_file_status *status) {
  struct stat found;
#if defined(SYS_newfstatat)
  intptr_t result = dc_syscall(SYS_newfstatat, (uintptr_t)(intptr_t)directory, (uintptr_t)name,
                               (uintptr_t)&found, 0x100 | 0x1000, 0, 0);
#else
  intptr_t result = dc_syscall(SYS_fstatat, (uintptr_t)(intptr_t)directory, (uintptr_t)name,
                               (uintptr_t)&found, 0x100 | 0x1000, 0, 0);
#endif
  if (result < 0) return result;
  status->mode = found.st_mode;
  status->owner = found.st_uid;
  status->size = (uint64_t)found.st_size;
  status->inode = (uint64_t)found.st_ino;
  status->device = (uint64_t)found.st_dev;
  status->modified_ns = found.st_mtim.tv_sec * 1000000000LL + found.st_mtim.tv_nsec;
  return 0;
}

/// Private memory, zeroed; NULL when there is none.
static inline SIGNAL_SAFE void *dc_map(uint64_t size) {
  intptr_t result = dc_syscall(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                               (uintptr_t)-1, 0);
  return result < 0 && result > -4096 ? NULL : (void *)result;
}
/// Private address space that takes memory only where it is touched.
static inline SIGNAL_SAFE void *dc_reserve(uint64_t size) {
  intptr_t result = dc_syscall(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, (uintptr_t)-1, 0);
  return result < 0 && result > -4096 ? NULL : (void *)result;
}
/// Address space that nobody can touch yet: a service that locks its memory (mlockall) would else make all of it
/// resident.
static inline SIGNAL_SAFE void *dc_reserve_closed(uint64_t size) {
  intptr_t result = dc_syscall(SYS_mmap, 0, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                               (uintptr_t)-1, 0);
  return result < 0 && result > -4096 ? NULL : (void *)result;
}
/// Opens a part of it, in whole pages.
static inline SIGNAL_SAFE intptr_t dc_open_reserved(void *memory, uint64_t size) {
  return dc_syscall(SYS_mprotect, (uintptr_t)memory, size, PROT_READ | PROT_WRITE, 0, 0, 0);
}
static inline SIGNAL_SAFE void *dc_map_file(int32_t descriptor, uint64_t size) {
  intptr_t result = dc_syscall(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED, (uintptr_t)descriptor, 0);
  return result < 0 && result > -4096 ? NULL : (void *)result;
}
static inline SIGNAL_SAFE void dc_unmap(void *memory, uint64_t size) {
  dc_syscall(SYS_munmap, (uintptr_t)memory, size, 0, 0, 0, 0);
}
static inline SIGNAL_SAFE intptr_t dc_protect(void *memory, uint64_t size) {
  return dc_syscall(SYS_mprotect, (uintptr_t)memory, size, PROT_NONE, 0, 0, 0);
}
/// Gives pages back; the memory stays usable, and reads as zero. Fails where the memory is locked.
static inline SIGNAL_SAFE intptr_t dc_give_back(void *memory, uint64_t size) {
  return dc_syscall(SYS_madvise, (uintptr_t)memory, size, 4, 0, 0, 0);
}
/// A forked child finds the memory zeroed and shares no page with us.
static inline SIGNAL_SAFE intptr_t dc_wipe_on_fork(void *memory, uint64_t size) {
  return dc_syscall(SYS_madvise, (uintptr_t)memory, size, 18, 0, 0, 0);
}
/// A forked child does not get the memory.
static inline SIGNAL_SAFE intptr_t dc_leave_out_of_fork(void *memory, uint64_t size) {
  return dc_syscall(SYS_madvise, (uintptr_t)memory, size, 10, 0, 0, 0);
}
/// Takes the page faults of a later first use now.
SIGNAL_SAFE void dc_fault_in(void *memory, uint64_t size);

/// Closes every descriptor of the calling thread alone; the other threads keep theirs.
SIGNAL_SAFE intptr_t dc_own_descriptors(void);
static inline SIGNAL_SAFE void dc_name_thread(const char *name) {
  dc_syscall(SYS_prctl, 15, (uintptr_t)name, 0, 0, 0, 0);
}
/// Lets others run that wait for this processor.
static inline SIGNAL_SAFE void dc_yield(void) { dc_syscall(SYS_sched_yield, 0, 0, 0, 0, 0, 0); }
static inline SIGNAL_SAFE intptr_t dc_probe_thread(int32_t pid, int32_t tid) {
  return dc_syscall(SYS_tgkill, (uintptr_t)pid, (uintptr_t)tid, 0, 0, 0, 0);
}

typedef struct dc_system_names {
  char host[65], kernel[65];
} dc_system_names;
SIGNAL_SAFE void dc_get_system_names(dc_system_names *names);
static inline SIGNAL_SAFE uint32_t dc_user(void) { return (uint32_t)dc_syscall(SYS_getuid, 0, 0, 0, 0, 0, 0); }
static inline SIGNAL_SAFE uint32_t dc_effective_user(void) {
  return (uint32_t)dc_syscall(SYS_geteuid, 0, 0, 0, 0, 0, 0);
}
static inline SIGNAL_SAFE uint32_t dc_group(void) { return (uint32_t)dc_syscall(SYS_getgid, 0, 0, 0, 0, 0, 0); }
static inline SIGNAL_SAFE int32_t dc_parent(void) { return (int32_t)dc_syscall(SYS_getppid, 0, 0, 0, 0, 0, 0); }
/// The soft limit of the main thread's stack in bytes.
SIGNAL_SAFE uint64_t dc_main_stack_limit(void);

static inline SIGNAL_SAFE uint64_t dc_frame_address(void) {
  return (uint64_t)(uintptr_t)__builtin_frame_address(0);
}
static inline SIGNAL_SAFE uint64_t dc_own_code_address(void) {
  uint64_t address;
#if defined(__x86_64__)
  __asm__ volatile("leaq 0(%%rip), %0" : "=r"(address));
#else
  __asm__ volatile("adr %0, ." : "=r"(address));
#endif
  return address;
}
static inline SIGNAL_SAFE void dc_fill(void *memory, uint8_t value, size_t count) {
  __builtin_memset(memory, value, count);
}
static inline SIGNAL_SAFE void dc_move(void *into, const void *from, size_t count) {
  __builtin_memmove(into, from, count);
}

enum {
  dc_number_sigtimedwait = SYS_rt_sigtimedwait,
  dc_number_futex = SYS_futex,
  dc_number_ioctl = SYS_ioctl,
  dc_number_restart = SYS_restart_syscall,
};
enum { dc_flag_nofollow = O_NOFOLLOW, dc_flag_directory = O_DIRECTORY };

/// The version of the handler, also the collector_version of its captures.
static inline SIGNAL_SAFE const char *_Nonnull dc_version(void) { return "0.1.0"; }

// MARK: Places inside the shared structs, as pointers

#define DC_PLACE(owner, field, type) \
  static inline SIGNAL_SAFE type *_Nonnull owner##_##field(owner *_Nonnull of) { return (type *)&of->field; }

DC_PLACE(dc_arena, pid, uint32_t)
DC_PLACE(dc_arena, wake, uint32_t)
DC_PLACE(dc_arena, stop, uint32_t)
DC_PLACE(dc_arena, collector_state, uint32_t)
DC_PLACE(dc_arena, changed, uint32_t)
DC_PLACE(dc_arena, state, uint64_t)
DC_PLACE(dc_arena, shadow, dc_state_file)
DC_PLACE(dc_arena, accepted_here, uint64_t)
DC_PLACE(dc_arena, noisy, uint64_t)
DC_PLACE(dc_arena, handled, uint64_t)
DC_PLACE(dc_arena, served_here, uint64_t)
DC_PLACE(dc_arena, reason_phase, uint32_t)
DC_PLACE(dc_arena, trigger_phase, uint32_t)
DC_PLACE(dc_arena, reason, char)
DC_PLACE(dc_arena, reason_taken, char)
DC_PLACE(dc_arena, answered, uint32_t)
DC_PLACE(dc_arena, expected, uint32_t)
DC_PLACE(dc_arena, round_done, uint32_t)
DC_PLACE(dc_arena, held, uint32_t)
DC_PLACE(dc_arena, recovery, uint64_t)
DC_PLACE(dc_arena, pool_used, uint64_t)
DC_PLACE(dc_arena, wait_examples, uint32_t)
DC_PLACE(dc_arena, last_capture, char)
DC_PLACE(dc_arena, last_capture_version, uint32_t)
DC_PLACE(dc_slot, word, uint32_t)
DC_PLACE(dc_slot, registers, uint64_t)
DC_PLACE(dc_slot, noted, dc_noted_task)
DC_PLACE(dc_thread, name, char)
DC_PLACE(dc_thread, wchan, char)
DC_PLACE(dc_thread, arguments, uint64_t)
DC_PLACE(dc_thread, words, uint32_t)
DC_PLACE(dc_state_file, magic, uint8_t)
DC_PLACE(dc_state_file, flags, uint32_t)
DC_PLACE(dc_state_file, accepted, uint64_t)
DC_PLACE(dc_state_file, served, uint64_t)
DC_PLACE(dc_state_file, changed, uint32_t)
DC_PLACE(dc_state_file, version, char)
DC_PLACE(dc_state_file, directory, char)
DC_PLACE(dc_state_file, last_capture, char)
DC_PLACE(dc_state_file, last_failure, char)
DC_PLACE(dc_home, armed, uint32_t)
DC_PLACE(dc_home, is_unwinding, uint32_t)
DC_PLACE(dc_home, previous_dump, dc_action)
DC_PLACE(dc_home, crash_armed, uint32_t)
DC_PLACE(dc_home, messages, dc_messages)
DC_PLACE(dc_home, tasks, dc_task_runtime)
DC_PLACE(dc_home, unwind, dc_unwind_library)
DC_PLACE(dc_home, libunwind_error, char)
DC_PLACE(dc_home, labels, uint64_t)
DC_PLACE(dc_home, install_lock, uint32_t)
DC_PLACE(dc_label_owner, version, uint32_t)
DC_PLACE(dc_label_owner, tid, uint32_t)

static inline SIGNAL_SAFE uint32_t *_Nonnull dc_home_adopted(dc_home *_Nonnull home, int32_t signal) {
  return &home->adopted[(uint32_t)signal % (dc_signal_count + 1)];
}
static inline SIGNAL_SAFE dc_action *_Nonnull dc_previous_thread(
    dc_home *_Nonnull home, int32_t signal, uint32_t index) {
  return &home->previous_thread[(uint32_t)signal % (dc_signal_count + 1)][index & 1];
}
static inline SIGNAL_SAFE dc_action *_Nonnull dc_previous_crash(dc_home *_Nonnull home, int32_t signal) {
  return &home->previous_crash[(uint32_t)signal % (dc_signal_count + 1)];
}
static inline SIGNAL_SAFE char *_Nonnull dc_directory(dc_home *_Nonnull home, uint32_t index) {
  return home->settings.directories[index % dc_directory_candidates];
}
static inline SIGNAL_SAFE uint8_t *_Nonnull dc_creates_parents(dc_home *_Nonnull home, uint32_t index) {
  return &home->settings.creates_parents[index % dc_directory_candidates];
}
static inline SIGNAL_SAFE dc_label *_Nonnull dc_owner_label(dc_label_owner *_Nonnull owner, uint32_t index) {
  return &owner->labels[index % dc_labels_a_thread];
}
static inline SIGNAL_SAFE char *_Nonnull dc_label_key(dc_label *_Nonnull label) { return label->key; }
static inline SIGNAL_SAFE char *_Nonnull dc_label_value(dc_label *_Nonnull label) { return label->value; }
static inline SIGNAL_SAFE char *_Nonnull dc_names_host(dc_system_names *_Nonnull names) { return names->host; }
static inline SIGNAL_SAFE char *_Nonnull dc_names_kernel(dc_system_names *_Nonnull names) { return names->kernel; }

#if defined(__clang__)
#pragma clang diagnostic pop
#endif

#endif
