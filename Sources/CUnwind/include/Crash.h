// What the action of the fatal signals and the collector share, and the few pieces of machine code they need.
#ifndef DUMPCOLLECT_CRASH_H
#define DUMPCOLLECT_CRASH_H

#include "SignalSafe.h"

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wnullability-completeness"
#endif

enum {
  dc_crasher_limit = 64,            // threads that crash at once and stand in the capture as such
  dc_crash_stack_size = 32768,      // the handler's own stack, for each of them
  dc_crash_copy_size = 262144,      // room for a copy of the crashed stack
};

/// A thread in the handler of a fatal signal: filled by itself.
typedef struct dc_crasher {
  uint32_t word;                    // CrasherPhase
  int32_t tid;
  int32_t signal, code;             // of its siginfo_t
  uint64_t address;                 // si_addr of a fault
  int32_t sender_pid;
  uint32_t sender_uid;
  uint64_t thread_pointer;
  uint64_t registers[dc_register_count];
  uint64_t copy_address;
  uint32_t copy_count, copy_cut;
  uint64_t recovery;                // where a fault of its handler goes on, see dc_recover; 0 nowhere
} dc_crasher;

/// One crash, from its first signal to what follows the capture. Wiped in a forked child.
typedef struct dc_crash {
  uint32_t phase;                   // CrashPhase; futex word of the first crasher and the collector
  uint32_t round;                   // futex word of the others: changed when the service goes on
  uint32_t captures;                // made so far
  uint32_t first;                   // index of the crasher whose signal counts
  uint32_t is_deadly;               // what follows the capture ends the process
  uint32_t helper_tid;              // word for the kernel to note the id of the last resort in
  int64_t begin_ns, time_ns;        // CLOCK_MONOTONIC and CLOCK_REALTIME at the first signal
  dc_crasher crashers[dc_crasher_limit];
} dc_crash;

/// Where the kernel's call of our handler goes on: the previous handler's address, 0 for none; with the stack
/// pointer that it begins with, 0 for the present one.
typedef struct dc_onward {
  uint64_t handler, stack_pointer;
} dc_onward;

/// The action of fatal signals. Calls dc_on_crash and then jumps to the previous handler, which finds the stack,
/// the arguments and the return address as if the kernel had called it.
SIGNAL_SAFE void dc_crash_entry(int32_t signal, siginfo_t *info, void *context);

/// Calls a function on another stack.
SIGNAL_SAFE void dc_call_on_stack(void (*body)(void *), void *argument, uint64_t stack_top);

/// Calls a function, with `point` set so that a fault in it ends it: 0, or 1 after a fault.
SIGNAL_SAFE int32_t dc_recover(uint64_t *point, void (*body)(void *), void *argument);
/// Makes an interrupted thread go on where `point` says.
SIGNAL_SAFE void dc_go_on_at(void *context, uint64_t point);

/// The kernel's frame moves to the interrupted stack where it lies on the alternate one and a handler would not
/// have been called there. Returns the stack pointer that the handler begins with; 0: the frame stays; 1: there is
/// no room for it.
SIGNAL_SAFE uint64_t dc_move_frame(void *context);
/// Makes the process's first thread run the instruction again that raised the signal.
SIGNAL_SAFE void dc_repeat_instruction(int32_t signal, const siginfo_t *info, void *context);

/// The mask that an interrupted thread gets back.
SIGNAL_SAFE uint64_t dc_get_context_mask(const void *context);
SIGNAL_SAFE void dc_set_context_mask(void *context, uint64_t mask);

static inline SIGNAL_SAFE uint64_t dc_info_address(const siginfo_t *info) {
  return (uint64_t)(uintptr_t)info->si_addr;
}
SIGNAL_SAFE void dc_set_default(int32_t signal);
/// Unblocks the signals that a thread's own instructions raise.
static inline SIGNAL_SAFE void dc_open_faults(void) {
  uint64_t mask = 1ull << (SIGSEGV - 1) | 1ull << (SIGBUS - 1) | 1ull << (SIGILL - 1) | 1ull << (SIGFPE - 1);
  dc_syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, (uintptr_t)&mask, 0, 8, 0, 0);
}

/// The kernel's stack_t.
typedef struct dc_alternate_stack {
  uint64_t address;
  int32_t flags, unused;            // 1: on it, 2: none
  uint64_t size;
} dc_alternate_stack;
/// Sets and asks for the calling thread's alternate stack; either may be NULL. 0 or -errno.
static inline SIGNAL_SAFE intptr_t dc_swap_alternate_stack(
    const dc_alternate_stack *set, dc_alternate_stack *old) {
  return dc_syscall(SYS_sigaltstack, (uintptr_t)set, (uintptr_t)old, 0, 0, 0, 0);
}
/// A signal for the whole process, with its siginfo as it came.
static inline SIGNAL_SAFE intptr_t dc_requeue_to_process(int32_t signal, siginfo_t *info) {
  return dc_syscall(SYS_rt_sigqueueinfo, (uintptr_t)dc_getpid(), (uintptr_t)signal, (uintptr_t)info, 0, 0, 0);
}
static inline SIGNAL_SAFE intptr_t dc_signal_thread(int32_t pid, int32_t tid, int32_t signal) {
  return dc_syscall(SYS_tgkill, (uintptr_t)pid, (uintptr_t)tid, (uintptr_t)signal, 0, 0, 0);
}

static inline SIGNAL_SAFE dc_crasher *_Nonnull dc_crash_crasher(dc_crash *_Nonnull crash, uint32_t index) {
  return &crash->crashers[index % dc_crasher_limit];
}
static inline SIGNAL_SAFE uint64_t *_Nonnull dc_crasher_registers(dc_crasher *_Nonnull crasher) {
  return crasher->registers;
}
static inline SIGNAL_SAFE uint64_t *_Nonnull dc_crasher_recovery(dc_crasher *_Nonnull crasher) {
  return &crasher->recovery;
}
static inline SIGNAL_SAFE uint32_t *_Nonnull dc_crasher_word(dc_crasher *_Nonnull crasher) { return &crasher->word; }
static inline SIGNAL_SAFE uint32_t *_Nonnull dc_crash_helper_tid(dc_crash *_Nonnull crash) {
  return &crash->helper_tid;
}
static inline SIGNAL_SAFE uint32_t *_Nonnull dc_crash_phase(dc_crash *_Nonnull crash) { return &crash->phase; }
static inline SIGNAL_SAFE uint32_t *_Nonnull dc_crash_round(dc_crash *_Nonnull crash) { return &crash->round; }

#if defined(__clang__)
#pragma clang diagnostic pop
#endif

#endif
