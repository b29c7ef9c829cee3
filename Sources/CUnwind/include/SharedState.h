// What handlers, collector and setup share: one home that a forked child keeps, one arena that it
// finds wiped (MADV_WIPEONFORK), the slots the threads answer into, and the state file.
#ifndef DUMPCOLLECT_SHARED_STATE_H
#define DUMPCOLLECT_SHARED_STATE_H

#include "Crash.h"
#include "SignalSafe.h"
#include "Tasks.h"
#include "ThreadOrigins.h"
#include "Vitals.h"
#include "Waits.h"
#include "Watchdogs.h"

enum {
#if defined(__x86_64__)
  dc_elf_machine = 62,
#else
  dc_elf_machine = 183,
#endif
  dc_path_size = 1024,
  dc_directory_candidates = 5,
  dc_label_owners = 4096,
  dc_labels_a_thread = 8,
  dc_signal_count = 64,
  dc_wait_examples = 256,
};

// MARK: A thread's answer

/// Where one thread puts its registers and finds room for its stack. Only `word` is contended.
typedef struct dc_slot {
  uint32_t word;  // generation << 3 | phase, see ThreadSlot.swift
  int32_t tid;
  uint64_t registers[dc_register_count];
  uint64_t copy_address;  // of the first stack byte copied
  uint64_t copy_offset;   // where it lies in the pool
  uint32_t copy_count;
  uint32_t copy_cut;      // why fewer bytes than the stack has, see StackCut
  uint64_t wanted;        // bytes the whole live stack has
  uint64_t entered_ticks, left_ticks;
  dc_noted_task noted;
  uint8_t rest[40];         // to four cache lines, so that no two threads write the same one
} dc_slot;
_Static_assert(sizeof(dc_slot) == 256, "a slot is four cache lines");

/// What the collector knows of one thread.
typedef struct dc_thread {
  int32_t tid;
  uint8_t state;         // letter of /proc/PID/stat
  uint8_t status;        // ThreadStatus
  uint8_t reason;        // ThreadReason
  uint8_t name_count;
  uint8_t in_syscall;    // SyscallSample
  uint8_t doubt;         // frames come from memory read later
  uint8_t resent;
  uint8_t wchan_count;
  uint32_t slot;         // its slot, if it was signalled
  int64_t syscall;
  uint64_t arguments[6];
  uint64_t stack_pointer, program_counter;
  uint64_t user_ticks, system_ticks, start_ticks;
  char name[16];
  char wchan[64];
  int32_t nice;
  uint32_t policy, realtime_priority;
  uint32_t wait_flags;         // WaitFlag
  // What it waited for when it was sampled; nothing of it counts for another call.
  int64_t wait_call;
  uint64_t wait_argument;      // the call's first
  uint64_t wait_timeout;       // nanoseconds; ~0 none, or not known
  uint64_t switches;           // see ThreadActivity
  uint32_t words[dc_lock_words]; // around the futex word, see LockWords in capture.proto
  uint32_t polled;             // where its descriptors begin in dc_waits.numbers
  uint32_t polled_more;
  uint32_t polled_count;
} dc_thread;

/// How to find the caller of a frame at one address, see RowTable.swift.
typedef struct dc_row {
  uint64_t address;
  int32_t base_offset;         // the frame's address, from stack or frame pointer
  int16_t frame_pointer_slot;  // words from there to the caller's frame pointer; 0: still in its register
  uint16_t kind;               // RowKind; 0: empty
} dc_row;

// MARK: The state file (4096 bytes, little-endian)

typedef struct dc_state_file {
  uint8_t magic[8];
  uint32_t size, pid;
  uint64_t start_time;
  uint32_t flags, dump_signal;
  uint32_t thread_signal, zero;
  uint64_t accepted;
  uint64_t served;
  uint64_t published, failed;
  uint32_t changed, last_errno;
  uint64_t last_duration;
  uint8_t reserved[256 - 88];
  char version[64];
  char directory[dc_path_size];
  char last_capture[dc_path_size];
  char last_failure[256];
  uint8_t rest[4096 - 2624];
} dc_state_file;
_Static_assert(sizeof(dc_state_file) == 4096, "the state file is one page");
_Static_assert(offsetof(dc_state_file, accepted) == 40, "accepted");
_Static_assert(offsetof(dc_state_file, published) == 56, "published");
_Static_assert(offsetof(dc_state_file, changed) == 72, "changed");
_Static_assert(offsetof(dc_state_file, last_duration) == 80, "duration");
_Static_assert(offsetof(dc_state_file, version) == 256, "version");
_Static_assert(offsetof(dc_state_file, last_capture) == 1344, "last capture");
_Static_assert(offsetof(dc_state_file, last_failure) == 2368, "last failure");

// MARK: Settings

typedef struct dc_settings {
  int32_t dump_signal, thread_signal;
  int64_t timeout_ns, min_interval_ns;  // interval 0: none
  int64_t max_captures, max_total_bytes;  // −1: no limit
  int64_t max_frames, stack_bytes;
  int32_t arguments, directory_is_given;
  int32_t environment, crash;
  int32_t crash_limits, thread_origins;
  int32_t unwinder, tasks;  // UnwinderChoice
  uint32_t directory_count;
  uint8_t creates_parents[dc_directory_candidates];
  char directories[dc_directory_candidates][dc_path_size];
} dc_settings;

// MARK: Labels

typedef struct dc_label {
  char key[32];
  char value[128];
} dc_label;

typedef struct dc_label_owner {
  uint32_t version;  // odd while its thread writes
  int32_t tid;
  uint64_t start_ticks;
  dc_label labels[dc_labels_a_thread];
} dc_label_owner;

// MARK: The arena: wiped in a forked child

typedef struct dc_arena {
  int32_t pid;              // 0: wiped, this is a forked child
  uint32_t wake;            // futex word of the collector
  uint32_t stop;            // the collector is to end
  uint32_t collector_state; // CollectorPhase
  int32_t collector_tid;
  uint32_t changed;         // futex word of waiting callers, changed at each end of a capture

  // Requests. `accepted` counts here while there is no state file.
  dc_state_file *state;     // the mapping; touched only by operations that survive a fault
  dc_state_file *retired;   // the mapping before it: a handler may have been about to count there
  uint64_t retired_count;   // what of its count has been taken over
  dc_state_file shadow;     // what we last put into it, but `accepted`
  uint64_t accepted_here;
  uint64_t noisy;           // requests that may signal threads
  uint64_t handled;         // highest accepted number that is over, published or failed
  uint64_t served_here;     // and published; the state file's `served` is its copy
  int64_t last_begin_ns;
  uint32_t reason_phase, trigger_phase;  // 0 free, 1 being written, 2 written
  char reason[256], reason_taken[256];
  uint64_t noisy_handled;
  int32_t trigger_number, trigger_code, trigger_pid;
  uint32_t trigger_uid;
  int64_t trigger_time_ns;

  // The thread signal's round.
  uint32_t generation;
  uint32_t expected, answered;
  uint32_t round_done;      // futex word: the last expected thread answered
  uint32_t copies_by_system_call;  // SEGV and BUS actions are not ours
  uint32_t held;            // futex word: the generation whose threads wait in their handlers, 0 none
  dc_slot *slots;
  uint32_t slot_count, slot_capacity;
  uint8_t *pool;            // reserved once; pool_size bytes of it are faulted in
  uint64_t pool_size, pool_used, pool_reserved;
  uint64_t pool_wanted;     // what the last round used: faulted in before the next one
  uint64_t main_stack_end;

  // The collector's own.
  dc_thread *threads;
  uint32_t thread_count, thread_capacity;
  uint32_t thread_reserved;
  uint32_t wait_examples[dc_wait_examples];  // 1 + index of a thread that sleeps so, see WaitChannels.swift
  uint8_t *line_cache;
  uint8_t *rows;            // RowTable
  uint32_t row_walks, row_checks, row_differences;  // threads walked by rows; compared with libunwind; that differed
  uint8_t *walk;            // libunwind's cursor, frames and marks of one thread
  uint8_t *buffer;
  uint64_t buffer_size;
  uint8_t *scratch;
  uint64_t scratch_size;
  uint8_t *names;           // two file names of 256 bytes
  dc_census *census;        // descriptors and connections; NULL where there is no room for it
  dc_waits *waits;          // locks and descriptors; NULL where there is no room for it
  uint32_t is_child;        // started in a forked child, or in the place of one that died
  uint64_t recovery;        // where a fault of the collector goes on, see dc_recover; 0 nowhere
  int32_t state_descriptor;
  int32_t directory_descriptor;
  uint32_t directory_index;
  int32_t last_errno;
  uint32_t sequence;
  uint32_t is_degraded;
  uint32_t last_capture_version;  // odd while it is written
  char last_capture[dc_path_size];
} dc_arena;

// MARK: The home: kept by a forked child

typedef struct dc_unwind_library {
  void *address_space;
  int (*init_remote)(void *, void *, void *);
  int (*step)(void *);
  int (*get_register)(void *, int, uint64_t *);
  int (*get_function)(void *, void *);
  void (*flush)(void *, uint64_t, uint64_t);
  int (*search)(void *, uint64_t, void *, void *, int, void *);
} dc_unwind_library;

/// Where the last words of a dying process lie; 0 where there are none.
typedef struct dc_messages {
  uint64_t abort_start, abort_end;  // the code of abort()
  uint64_t abort_message;           // glibc's pointer to what assert, malloc and fortify said
  uint64_t swift_message;           // the Swift runtime's pointer to what fatalError said
  // Distance of the C++ runtime's exception globals from a thread's pointer, the same in all threads.
  int64_t exceptions;
  uint32_t has_exceptions;
} dc_messages;

typedef struct dc_home {
  dc_settings settings;
  dc_arena *arena;
  uint64_t arena_size;
  uint32_t install_lock;
  uint32_t armed;             // 1 while the dump signal's action is ours
  uint32_t is_unwinding;      // the collector is inside libunwind: a child forked now cannot use it
  uint32_t libunwind_is_broken; // BrokenUnwinder
  dc_action previous_dump;
  // By signal: after a reinstall with another thread signal both may come. `adopted`: which of the two counts.
  uint32_t adopted[dc_signal_count + 1];
  dc_action previous_thread[dc_signal_count + 1][2];
  dc_action previous_crash[dc_signal_count + 1];
  uint32_t crash_armed;       // fatal signals make captures; our action of SEGV and BUS is there in any case
  dc_crash *crash;            // wiped in a forked child
  uint8_t *crash_room;        // a stack and a copy for each crasher, wiped too
  uint32_t crash_capacity;    // crashers that have them
  uint8_t *crash_fallback;    // what the last resort of a crash needs, see CrashFallback.swift
  dc_messages messages;
  dc_task_runtime tasks;
  uint64_t collector_stack, collector_stack_size;
  uint64_t collector_entry_sp, collector_thread_pointer;
  uint32_t *collector_tid_word;
  uint64_t collector_thread;  // its pthread_t
  int32_t guardian_tid;       // ends the process in the main thread's place, see Guardian.c
  uint32_t guardian_round;    // changed by each install and uninstall
  uint64_t main_stack_end;
  uint64_t stack_room;        // bytes a thread signal needs below the stack pointer
  // Where stacks begin: the outermost frame of every thread of libc's, and the entry of the program.
  uint64_t thread_begin, program_entry;
  dc_unwind_library unwind;
  dc_label_owner *labels;
  dc_notes *notes;            // wiped in a forked child
  dc_origins *origins;        // the same
  dc_watchdogs *watchdogs;    // the same
  char libunwind_error[160];
} dc_home;

/// The one global: the home, or NULL before the first install.
SIGNAL_SAFE dc_home *dc_get_home(void);
void dc_set_home(dc_home *home);

// MARK: libunwind's remote interface

/// Loads libunwind for this process alone, outside the global scope; 0, or -1 with a text in the home.
int dc_load_libunwind(dc_home *home);
/// The same from the collector, when it was not there at install. Waits for the loader's lock, which
/// nobody holds on our account: not called in a forked child, whose copy of it may be held for ever.
SIGNAL_SAFE int dc_retry_libunwind(dc_home *home);
SIGNAL_SAFE int32_t dc_unwind_begin(const dc_unwind_library *library, void *cursor, void *context);
SIGNAL_SAFE int32_t dc_unwind_step(const dc_unwind_library *library, void *cursor);
SIGNAL_SAFE uint64_t dc_unwind_register(const dc_unwind_library *library, void *cursor, intptr_t number);
/// Nonzero when the cursor's frame has this register.
SIGNAL_SAFE int32_t dc_unwind_find_register(
    const dc_unwind_library *library, void *cursor, intptr_t number, uint64_t *value);
/// Where the function of the cursor's frame begins, as its unwind table says; 0 without one.
SIGNAL_SAFE uint64_t dc_unwind_function_start(const dc_unwind_library *library, void *cursor);
SIGNAL_SAFE void dc_unwind_flush(const dc_unwind_library *library);
enum { dc_unwind_cursor_size = 4096 };

/// An unwind table as libunwind searches it: .eh_frame_hdr in memory, and what it covers.
typedef struct dc_unwind_table {
  uint64_t start, end, header, table, table_bytes;
} dc_unwind_table;

// Implemented in Swift, called by libunwind through our accessors with the context of `begin`.
SIGNAL_SAFE int32_t dc_unwind_read_memory(uint64_t address, uint64_t *value, void *context);
SIGNAL_SAFE int32_t dc_unwind_read_register(int32_t number, uint64_t *value, void *context);
SIGNAL_SAFE int32_t dc_unwind_find_table(uint64_t address, dc_unwind_table *table, void *context);
SIGNAL_SAFE void dc_unwind_note_missing(void *context);

// MARK: For setup, not for signal time

/// Starts the collector as a thread of libc's on the stack noted in the home; 0 or -errno.
int32_t dc_start_collector(dc_home *home, void *(*entry)(void *));
int32_t dc_join_collector(dc_home *home);
uint64_t dc_main_stack_end(void);
const char *dc_environment(const char *name);
/// Writes to standard error; no signal that comes of it reaches the service.
void dc_write_message(const void *text, size_t count);
/// The current directory in the calling thread's path buffer, or NULL.
const char *dc_working_directory(void);
int32_t dc_is_set_user_id(void);
uint64_t dc_minimum_signal_stack(void);
/// The program's first instruction: `_start`, where the main thread's stack begins.
uint64_t dc_program_entry(void);
/// What the variables of every thread take at most: libc puts them onto the stack of a new one.
uint64_t dc_thread_block_size(void);
/// Looks after the end of a process whose main thread calls pthread_exit, until `leave`.
void dc_guard_main_thread(void);
void dc_leave_main_thread(void);
/// Loads the compiler's unwinder, which else the first thread that is made would do.
void dc_warm_up_origins(void);
/// Looks for all of them.
void dc_find_messages(dc_messages *messages);
/// Called by another thread than that: whether the distance holds there too.
SIGNAL_SAFE void dc_verify_messages(dc_messages *messages);
/// A buffer of dc_path_size bytes of the calling thread.
char *dc_path_buffer(void);
/// The calling thread's labels, NULL before it has any.
dc_label_owner **dc_own_labels(void);

#endif
