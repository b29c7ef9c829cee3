// Every C function that signal-time code may call.
//
// SIGNAL_SAFE tells the Swift compiler that a function neither allocates nor takes a lock, so that
// functions marked @_noLocks may call it: a promise that is kept here, by looking at each of them.
// System calls are made directly: they leave errno alone, they are not intercepted by sanitizers,
// and they need no symbol of libc.
#ifndef DUMPCOLLECT_SIGNAL_SAFE_H
#define DUMPCOLLECT_SIGNAL_SAFE_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

#if defined(__swift__) || defined(__clang__)
#define SIGNAL_SAFE __attribute__((swift_attr("@_noLocks")))
#else
#define SIGNAL_SAFE
#endif

// MARK: System calls

static inline SIGNAL_SAFE intptr_t dc_syscall(
    intptr_t number, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e, uintptr_t f) {
#if defined(__x86_64__)
  intptr_t result;
  register uintptr_t r10 __asm__("r10") = d;
  register uintptr_t r8 __asm__("r8") = e;
  register uintptr_t r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register uintptr_t x8 __asm__("x8") = (uintptr_t)number;
  register uintptr_t x0 __asm__("x0") = a;
  register uintptr_t x1 __asm__("x1") = b;
  register uintptr_t x2 __asm__("x2") = c;
  register uintptr_t x3 __asm__("x3") = d;
  register uintptr_t x4 __asm__("x4") = e;
  register uintptr_t x5 __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return (intptr_t)x0;
#else
#error "dumpcollect runs on x86_64 and aarch64"
#endif
}

static inline SIGNAL_SAFE int32_t dc_gettid(void) {
  return (int32_t)dc_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

static inline SIGNAL_SAFE int32_t dc_getpid(void) {
  return (int32_t)dc_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

/// CLOCK_MONOTONIC 1, CLOCK_REALTIME 0, CLOCK_BOOTTIME 7; nanoseconds.
static inline SIGNAL_SAFE int64_t dc_clock(int32_t clock) {
  struct timespec time = {0, 0};
  dc_syscall(SYS_clock_gettime, (uintptr_t)clock, (uintptr_t)&time, 0, 0, 0, 0);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/// Waits while the word has the value, at most so long. The word may be shared between processes.
static inline SIGNAL_SAFE intptr_t dc_futex_wait(
    const uint32_t *word, uint32_t value, int64_t nanoseconds) {
  if (nanoseconds <= 0) return -110;
  struct timespec time = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  return dc_syscall(SYS_futex, (uintptr_t)word, 0, value, (uintptr_t)&time, 0, 0);
}

static inline SIGNAL_SAFE void dc_futex_wake(const uint32_t *word) {
  dc_syscall(SYS_futex, (uintptr_t)word, 1, 0x7fffffff, 0, 0, 0);
}

/// Sends one thread a signal with a value, as sigqueue(3) would.
SIGNAL_SAFE intptr_t dc_queue_signal(int32_t pid, int32_t tid, int32_t signal, uint64_t value);
/// Sends the calling thread a signal exactly as it came.
SIGNAL_SAFE intptr_t dc_requeue_signal(int32_t signal, siginfo_t *info);

/// Copies bytes of this process that may be unmapped or unreadable; the count copied, or -errno.
SIGNAL_SAFE intptr_t dc_read_memory(uint64_t address, void *into, size_t count);
/// Whether one byte in each page between the two addresses can be read: 1, 0, or -errno.
SIGNAL_SAFE intptr_t dc_is_readable(uint64_t from, uint64_t to);

// MARK: Memory

/// A value that another thread or process may change.
static inline SIGNAL_SAFE uint32_t dc_load32(const uint32_t *word) {
  return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}
static inline SIGNAL_SAFE uint64_t dc_load64(const uint64_t *word) {
  return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}
static inline SIGNAL_SAFE void dc_store32(uint32_t *word, uint32_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
}
static inline SIGNAL_SAFE void dc_store64(uint64_t *word, uint64_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
}
/// Both return the value before.
static inline SIGNAL_SAFE uint32_t dc_add32(uint32_t *word, uint32_t value) {
  return __atomic_fetch_add(word, value, __ATOMIC_ACQ_REL);
}
static inline SIGNAL_SAFE uint64_t dc_add64(uint64_t *word, uint64_t value) {
  return __atomic_fetch_add(word, value, __ATOMIC_ACQ_REL);
}
static inline SIGNAL_SAFE uint64_t dc_exchange64(uint64_t *word, uint64_t value) {
  return __atomic_exchange_n(word, value, __ATOMIC_ACQ_REL);
}
static inline SIGNAL_SAFE int32_t dc_claim32(uint32_t *word, uint32_t expected, uint32_t value) {
  return __atomic_compare_exchange_n(
      word, &expected, value, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}
static inline SIGNAL_SAFE int32_t dc_claim64(uint64_t *word, uint64_t expected, uint64_t value) {
  return __atomic_compare_exchange_n(
      word, &expected, value, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/// Copies bytes; returns how many were left when a page could not be read. Its one faulting
/// instruction is known to the fault handler, which resumes behind it. No call to memcpy: that is
/// intercepted by sanitizers and may not be there yet in a constructor of the loader.
SIGNAL_SAFE size_t dc_copy(void *into, const void *from, size_t count);
/// A word in a file mapping; 0 when the file was cut short under it.
SIGNAL_SAFE int32_t dc_store64_in_file(uint64_t *word, uint64_t value);
SIGNAL_SAFE int32_t dc_add64_in_file(uint64_t *word, uint64_t value);
SIGNAL_SAFE int32_t dc_load64_in_file(const uint64_t *word, uint64_t *value);
/// The instruction at which a fault of ours resumes, 0 when the fault is not ours.
SIGNAL_SAFE uintptr_t dc_recovery_address(uintptr_t program_counter);

/// Processor ticks: two reads of it are two orders cheaper than a clock.
static inline SIGNAL_SAFE uint64_t dc_ticks(void) {
#if defined(__x86_64__)
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return ((uint64_t)high << 32) | low;
#else
  uint64_t ticks;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
#endif
}

/// The thread pointer; on the stacks that pthread_create makes it lies above all frames.
static inline SIGNAL_SAFE uint64_t dc_thread_pointer(void) {
  uint64_t pointer;
#if defined(__x86_64__)
  __asm__("movq %%fs:0, %0" : "=r"(pointer));
#else
  __asm__("mrs %0, tpidr_el0" : "=r"(pointer));
#endif
  return pointer;
}

/// CRC-32C over bytes, by the processor's instruction where it has one.
SIGNAL_SAFE uint32_t dc_crc32c(uint32_t crc, const void *bytes, size_t count);

/// A quotient; a division by a variable would leave a trap for zero in Swift code.
static inline SIGNAL_SAFE uint64_t dc_divide(uint64_t value, uint64_t by) {
  return by ? value / by : 0;
}
/// value × factor / by, for factor and by of less than two hours in nanoseconds or ticks: their ratio
/// is taken first, with 20 bits behind the point.
static inline SIGNAL_SAFE uint64_t dc_scale(uint64_t value, uint64_t factor, uint64_t by) {
  return (value * dc_divide(factor << 20, by)) >> 20;
}

// MARK: Signals

/// The kernel's own struct sigaction.
typedef struct dc_action {
  uintptr_t handler;
  uint64_t flags;
  uintptr_t restorer;
  uint64_t mask;
} dc_action;

typedef void (*dc_handler)(int32_t, siginfo_t *, void *);

SIGNAL_SAFE int32_t dc_get_action(int32_t signal, dc_action *action);
SIGNAL_SAFE int32_t dc_set_action(int32_t signal, const dc_action *action);
/// An action that calls our handler, with SA_SIGINFO, SA_RESTART and these flags besides.
SIGNAL_SAFE void dc_make_action(dc_action *action, dc_handler handler, uint64_t flags, uint64_t mask);
/// The frames of this action's handler are not to be shown: they end at `dc_hidden_frame`.
SIGNAL_SAFE void dc_hide_frames(dc_action *action);
SIGNAL_SAFE uint64_t dc_hidden_frame(void);
/// Does what the previous action would have done with this signal.
SIGNAL_SAFE void dc_perform(const dc_action *action, int32_t signal, siginfo_t *info, void *context);
/// The calling thread's mask becomes `mask`, bit n−1 for signal n; returns the old one.
static inline SIGNAL_SAFE uint64_t dc_set_mask(uint64_t mask) {
  uint64_t old = 0;
  dc_syscall(SYS_rt_sigprocmask, 2, (uintptr_t)&mask, (uintptr_t)&old, 8, 0, 0);
  return old;
}

/// Fields of siginfo_t whose names are macros.
static inline SIGNAL_SAFE uint64_t dc_info_value(const siginfo_t *info) {
  return (uint64_t)(uintptr_t)info->si_value.sival_ptr;
}
static inline SIGNAL_SAFE int32_t dc_info_pid(const siginfo_t *info) { return info->si_pid; }
static inline SIGNAL_SAFE uint32_t dc_info_uid(const siginfo_t *info) { return info->si_uid; }

/// General registers of an interrupted thread in DWARF numbering, and the program counter last.
enum { dc_register_count = 17, dc_register_sp = 7, dc_register_bp = 6, dc_register_pc = 16 };
/// The register of a system call's argument (System V psABI, AMD64, A.2.1: rdi rsi rdx r10 r8 r9).
static inline SIGNAL_SAFE uint32_t dc_argument_register(uint32_t index) {
#if defined(__x86_64__)
  static const uint8_t order[] = {5, 4, 1, 10, 8, 9};
  return order[index % 6];
#else
  return index;
#endif
}
SIGNAL_SAFE void dc_get_registers(const void *context, uint64_t *registers);
SIGNAL_SAFE uint64_t dc_get_program_counter(const void *context);
SIGNAL_SAFE void dc_set_program_counter(void *context, uint64_t program_counter);

// MARK: Modules and threads

/// The loaded module around an address, found without the loader's lock.
typedef struct dc_module {
  uint64_t start, end;
  uint64_t eh_frame_header;
} dc_module;
SIGNAL_SAFE int32_t dc_find_module(uint64_t address, dc_module *module);

/// A thread of this process on a given stack and thread block, unknown to libc: -errno or its tid.
SIGNAL_SAFE intptr_t dc_clone_thread(
    void (*entry)(void *), void *argument, uint64_t stack_top, uint64_t thread_pointer, uint32_t *tid);
SIGNAL_SAFE void dc_exit_thread(void) __attribute__((noreturn));

#endif
