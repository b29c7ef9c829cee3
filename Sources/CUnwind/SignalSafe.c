#define _GNU_SOURCE
#include "SystemCalls.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/uio.h>
#include <ucontext.h>

// MARK: Signals

#define KERNEL_SA_RESTORER 0x04000000

#if defined(__x86_64__)
// What a handler returns to, twice: the one of the dump signal is known by its address, so that its frames can
// be left out of a capture. Unwinders without tables know a signal frame by exactly these instructions; for the
// others the rules say where the interrupted registers lie: the kernel's ucontext_t is at the stack pointer,
// its general registers begin at byte 40 (arch/x86/include/uapi/asm/sigcontext.h). The nop is covered too: a
// return address is looked up one byte earlier.
#define SAVED(reg, offset) ".cfi_escape 0x10, " reg ", 2, 0x77, " offset "\n"
#define SAVED2(reg, offset) ".cfi_escape 0x10, " reg ", 3, 0x77, " offset "\n"
#define TRAMPOLINE(name)                                                                     \
  ".text\n"                                                                                  \
  ".p2align 4\n"                                                                             \
  ".globl " name "\n.hidden " name "\n"                                                     \
  ".type " name ", @function\n"                                                              \
  ".cfi_startproc simple\n"                                                                  \
  ".cfi_signal_frame\n"                                                                      \
  ".cfi_escape 0x0f, 4, 0x77, 0xa0, 1, 0x06\n"                                               \
  SAVED("8", "40") SAVED("9", "48") SAVED("10", "56") SAVED2("11", "0xc0, 0")                \
  SAVED2("12", "0xc8, 0") SAVED2("13", "0xd0, 0") SAVED2("14", "0xd8, 0")                    \
  SAVED2("15", "0xe0, 0") SAVED2("5", "0xe8, 0") SAVED2("4", "0xf0, 0")                      \
  SAVED2("6", "0xf8, 0") SAVED2("3", "0x80, 1") SAVED2("1", "0x88, 1")                       \
  SAVED2("0", "0x90, 1") SAVED2("2", "0x98, 1") SAVED2("7", "0xa0, 1")                       \
  SAVED2("16", "0xa8, 1")                                                                    \
  "nop\n" name ":\n"                                                                         \
  "movq $15, %rax\n"                                                                         \
  "syscall\n"                                                                                \
  ".cfi_endproc\n"                                                                           \
  ".size " name ", .-" name "\n"
__asm__(TRAMPOLINE("dc_restore") TRAMPOLINE("dc_restore_dump"));
void dc_restore(void) __attribute__((visibility("hidden")));
void dc_restore_dump(void) __attribute__((visibility("hidden")));
#endif

void dc_hide_frames(dc_action *action) {
#if defined(__x86_64__)
  action->restorer = (uintptr_t)dc_restore_dump;
#endif
}

uint64_t dc_hidden_frame(void) {
#if defined(__x86_64__)
  return (uint64_t)(uintptr_t)dc_restore_dump;
#else
  return 0;
#endif
}

int32_t dc_get_action(int32_t signal, dc_action *action) {
  return (int32_t)dc_syscall(SYS_rt_sigaction, (uintptr_t)signal, 0, (uintptr_t)action, 8, 0, 0);
}

int32_t dc_set_action(int32_t signal, const dc_action *action) {
  return (int32_t)dc_syscall(SYS_rt_sigaction, (uintptr_t)signal, (uintptr_t)action, 0, 8, 0, 0);
}

void dc_make_action(dc_action *action, dc_handler handler, uint64_t flags, uint64_t mask) {
  action->handler = (uintptr_t)handler;
  action->flags = flags | SA_SIGINFO | SA_RESTART;
  action->restorer = 0;
  action->mask = mask;
#if defined(__x86_64__)
  action->flags |= KERNEL_SA_RESTORER;
  action->restorer = (uintptr_t)dc_restore;
#endif
}

// A fault comes again by itself when its instruction is run again; every other signal has to be sent again.
static int is_fault(int32_t signal, const siginfo_t *info) {
  return info->si_code > 0 && (signal == SIGSEGV || signal == SIGBUS);
}

static int is_ignored_by_default(int32_t signal) {
  return signal == SIGURG || signal == SIGCHLD || signal == SIGWINCH || signal == SIGCONT;
}

void dc_perform(const dc_action *action, int32_t signal, siginfo_t *info, void *context) {
  if (action->handler == (uintptr_t)SIG_IGN && !is_fault(signal, info)) return;
  // Setting the default action would discard the signals that other threads have not answered yet.
  if (action->handler == (uintptr_t)SIG_DFL && is_ignored_by_default(signal)) return;
  if (action->handler == (uintptr_t)SIG_DFL || action->handler == (uintptr_t)SIG_IGN) {
    // Pending until this handler returns; a faulting instruction would fault again by itself, but
    // only the requeued signal keeps its siginfo where the fault was not one of an instruction.
    dc_set_default(signal);
    if (!is_fault(signal, info)) dc_requeue_signal(signal, info);
    return;
  }
  uint64_t bit = 1ull << (signal - 1);
  uint64_t mask;
  memcpy(&mask, &((ucontext_t *)context)->uc_sigmask, sizeof mask);
  mask |= action->mask;
  if (!(action->flags & SA_NODEFER)) mask |= bit;
  uint64_t own = dc_set_mask(mask);
  if (action->flags & SA_RESETHAND) dc_set_default(signal);
  if (action->flags & SA_SIGINFO)
    ((dc_handler)action->handler)(signal, info, context);
  else
    ((void (*)(int))action->handler)(signal);
  dc_set_mask(own);
}

intptr_t dc_queue_signal(int32_t pid, int32_t tid, int32_t signal, uint64_t value) {
  siginfo_t info;
  for (size_t i = 0; i < sizeof info / 8; i++) ((volatile uint64_t *)&info)[i] = 0;
  info.si_signo = signal;
  info.si_code = SI_QUEUE;
  info.si_pid = pid;
  info.si_uid = (uid_t)dc_syscall(SYS_getuid, 0, 0, 0, 0, 0, 0);
  info.si_value.sival_ptr = (void *)(uintptr_t)value;
  return dc_syscall(
      SYS_rt_tgsigqueueinfo, (uintptr_t)pid, (uintptr_t)tid, (uintptr_t)signal, (uintptr_t)&info, 0, 0);
}

intptr_t dc_requeue_signal(int32_t signal, siginfo_t *info) {
  return dc_syscall(SYS_rt_tgsigqueueinfo, (uintptr_t)dc_getpid(), (uintptr_t)dc_gettid(),
                    (uintptr_t)signal, (uintptr_t)info, 0, 0);
}

void dc_get_registers(const void *context, uint64_t *registers) {
#if defined(__x86_64__)
  static const uint8_t order[dc_register_count] = {
      REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
      REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
  const greg_t *from = ((const ucontext_t *)context)->uc_mcontext.gregs;
  for (int i = 0; i < dc_register_count; i++) registers[i] = (uint64_t)from[order[i]];
#else
#error "registers of this processor"
#endif
}

uint64_t dc_get_program_counter(const void *context) {
#if defined(__x86_64__)
  return (uint64_t)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
#endif
}

void dc_set_program_counter(void *context, uint64_t program_counter) {
#if defined(__x86_64__)
  ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = (greg_t)program_counter;
#endif
}

// MARK: Memory

#if defined(__x86_64__)
// Each operation has one instruction that may fault, and a label behind it where it resumes: rcx then
// holds the bytes not copied, eax the 0 of a word that could not be reached.
__asm__(
    ".text\n"
    ".p2align 4\n"
    ".type dc_copy, @function\n"
    ".globl dc_copy\n"
    "dc_copy:\n"
    "  .cfi_startproc\n"
    "  movq %rdx, %rcx\n"
    "dc_copy_fault:\n"
    "  rep movsb\n"
    "dc_copy_resume:\n"
    "  movq %rcx, %rax\n"
    "  ret\n"
    "  .cfi_endproc\n"
    ".size dc_copy, .-dc_copy\n"
    ".p2align 4\n"
    ".type dc_add64_in_file, @function\n"
    ".globl dc_add64_in_file\n"
    "dc_add64_in_file:\n"
    "  .cfi_startproc\n"
    "  xorl %eax, %eax\n"
    "dc_add_fault:\n"
    "  lock addq %rsi, (%rdi)\n"
    "  movl $1, %eax\n"
    "dc_add_resume:\n"
    "  ret\n"
    "  .cfi_endproc\n"
    ".size dc_add64_in_file, .-dc_add64_in_file\n"
    ".p2align 4\n"
    ".type dc_load64_in_file, @function\n"
    ".globl dc_load64_in_file\n"
    "dc_load64_in_file:\n"
    "  .cfi_startproc\n"
    "  xorl %eax, %eax\n"
    "dc_load_fault:\n"
    "  movq (%rdi), %rdx\n"
    "  movq %rdx, (%rsi)\n"
    "  movl $1, %eax\n"
    "dc_load_resume:\n"
    "  ret\n"
    "  .cfi_endproc\n"
    ".size dc_load64_in_file, .-dc_load64_in_file\n"
    ".p2align 4\n"
    ".type dc_store64_in_file, @function\n"
    ".globl dc_store64_in_file\n"
    "dc_store64_in_file:\n"
    "  .cfi_startproc\n"
    "  xorl %eax, %eax\n"
    "dc_store_fault:\n"
    "  movq %rsi, (%rdi)\n"
    "  movl $1, %eax\n"
    "dc_store_resume:\n"
    "  ret\n"
    "  .cfi_endproc\n"
    ".size dc_store64_in_file, .-dc_store64_in_file\n");
extern const char dc_copy_fault[] __attribute__((visibility("hidden")));
extern const char dc_copy_resume[] __attribute__((visibility("hidden")));
extern const char dc_store_fault[] __attribute__((visibility("hidden")));
extern const char dc_store_resume[] __attribute__((visibility("hidden")));
extern const char dc_load_fault[] __attribute__((visibility("hidden")));
extern const char dc_load_resume[] __attribute__((visibility("hidden")));
extern const char dc_add_fault[] __attribute__((visibility("hidden")));
extern const char dc_add_resume[] __attribute__((visibility("hidden")));

uintptr_t dc_recovery_address(uintptr_t program_counter) {
  if (program_counter == (uintptr_t)dc_copy_fault) return (uintptr_t)dc_copy_resume;
  if (program_counter == (uintptr_t)dc_add_fault) return (uintptr_t)dc_add_resume;
  if (program_counter == (uintptr_t)dc_store_fault) return (uintptr_t)dc_store_resume;
  if (program_counter == (uintptr_t)dc_load_fault) return (uintptr_t)dc_load_resume;
  return 0;
}
#endif

// A seccomp filter may refuse process_vm_readv. Then a plain copy does, as its faults come to us; where a service
// has replaced that action, nothing is read.
static int is_refused(intptr_t result) {
  return (result == -1 || result == -38) && dc_get_home() && dc_get_home()->arena &&
         !dc_get_home()->arena->copies_by_system_call;
}

intptr_t dc_read_memory(uint64_t address, void *into, size_t count) {
  struct iovec local = {into, count};
  struct iovec remote = {(void *)(uintptr_t)address, count};
  intptr_t result = dc_syscall(SYS_process_vm_readv, (uintptr_t)dc_getpid(), (uintptr_t)&local, 1,
                               (uintptr_t)&remote, 1, 0);
  if (!is_refused(result)) return result;
  size_t left = dc_copy(into, (const void *)(uintptr_t)address, count);
  return left == count ? -14 : (intptr_t)(count - left);
}

intptr_t dc_is_readable(uint64_t from, uint64_t to) {
  // One byte in each page; 32 pages are far more than any signal frame takes.
  char bytes[32];
  struct iovec local = {bytes, 0};
  struct iovec remote[32];
  uint64_t address = from;
  while (address < to && local.iov_len < 32) {
    remote[local.iov_len].iov_base = (void *)(uintptr_t)address;
    remote[local.iov_len].iov_len = 1;
    local.iov_len++;
    address = (address | 4095) + 1;
  }
  intptr_t count = dc_syscall(SYS_process_vm_readv, (uintptr_t)dc_getpid(), (uintptr_t)&local, 1,
                              (uintptr_t)remote, local.iov_len, 0);
  if (is_refused(count)) {
    count = 0;
    for (size_t i = 0; i < local.iov_len; i++) count += dc_copy(bytes, remote[i].iov_base, 1) == 0;
  }
  if (count == -14) return 0;
  if (count < 0) return count;
  return count == (intptr_t)local.iov_len;
}

// MARK: Modules and threads

int32_t dc_find_module(uint64_t address, dc_module *module) {
  struct dl_find_object found;
  if (_dl_find_object((void *)(uintptr_t)address, &found) != 0) return 0;
  module->start = (uint64_t)(uintptr_t)found.dlfo_map_start;
  module->end = (uint64_t)(uintptr_t)found.dlfo_map_end;
  module->eh_frame_header = (uint64_t)(uintptr_t)found.dlfo_eh_frame;
  return 1;
}

#if defined(__x86_64__)
intptr_t dc_clone_thread(
    void (*entry)(void *), void *argument, uint64_t stack_top, uint64_t thread_pointer, uint32_t *tid) {
  // CLONE_VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS, CHILD_SETTID
  uintptr_t flags = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000 | 0x80000 | 0x1000000;
  uint64_t *stack = (uint64_t *)(uintptr_t)(stack_top & ~15ull);
  *--stack = (uint64_t)(uintptr_t)argument;
  *--stack = (uint64_t)(uintptr_t)entry;
  intptr_t result;
  register uintptr_t r10 __asm__("r10") = (uintptr_t)tid;
  register uintptr_t r8 __asm__("r8") = (uintptr_t)thread_pointer;
  __asm__ volatile(
      "syscall\n"
      "testq %%rax, %%rax\n"
      "jnz 1f\n"
      "xorl %%ebp, %%ebp\n"
      "popq %%rax\n"
      "popq %%rdi\n"
      "call *%%rax\n"
      "xorl %%edi, %%edi\n"
      "movl $60, %%eax\n"
      "syscall\n"
      "1:\n"
      : "=a"(result)
      : "a"(SYS_clone), "D"(flags), "S"(stack), "d"((uintptr_t)0), "r"(r10), "r"(r8)
      : "rcx", "r11", "memory");
  return result;
}
#endif

void dc_exit_thread(void) {
  for (;;) dc_syscall(SYS_exit, 0, 0, 0, 0, 0, 0);
}

// MARK: Process

void dc_fault_in(void *memory, uint64_t size) {
  // MADV_POPULATE_WRITE, Linux 5.14; before that page by page, keeping what is there.
  if (dc_syscall(SYS_madvise, (uintptr_t)memory, size, 23, 0, 0, 0) == 0) return;
  for (uint64_t at = 0; at < size; at += 4096)
    __atomic_fetch_add((uint8_t *)memory + at, 0, __ATOMIC_RELAXED);
}

intptr_t dc_own_descriptors(void) {
  // close_range(0, ~0, CLOSE_RANGE_UNSHARE)
  intptr_t result = dc_syscall(436, 0, ~0u, 2, 0, 0, 0);
  if (result == 0) return 0;
  // An older kernel or a seccomp filter: a copy of the table, closed one by one.
  result = dc_syscall(SYS_unshare, 0x400, 0, 0, 0, 0, 0);
  if (result != 0) return result;
  uint64_t limit[2] = {1024, 1024};
  dc_syscall(SYS_prlimit64, 0, 7, 0, (uintptr_t)limit, 0, 0);
  uint64_t count = limit[1] > 1048576 ? 1048576 : limit[1];
  for (uint64_t descriptor = 0; descriptor < count; descriptor++) dc_close((int32_t)descriptor);
  return 0;
}

void dc_get_system_names(dc_system_names *names) {
  char all[6][65];
  if (dc_syscall(SYS_uname, (uintptr_t)all, 0, 0, 0, 0, 0) != 0) {
    names->host[0] = names->kernel[0] = 0;
    return;
  }
  for (int i = 0; i < 65; i++) names->host[i] = all[1][i], names->kernel[i] = all[2][i];
}

uint64_t dc_main_stack_limit(void) {
  uint64_t limit[2] = {0, 0};
  dc_syscall(SYS_prlimit64, 0, 3, 0, (uintptr_t)limit, 0, 0);
  return limit[0];
}

// MARK: CRC-32C

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_by_instruction(
    uint32_t crc, const uint8_t *bytes, size_t count) {
  uint64_t value = crc;
  for (; count >= 8; count -= 8, bytes += 8) {
    uint64_t word;
    __builtin_memcpy(&word, bytes, 8);
    value = __builtin_ia32_crc32di(value, word);
  }
  uint32_t rest = (uint32_t)value;
  for (; count > 0; count--) rest = __builtin_ia32_crc32qi(rest, *bytes++);
  return rest;
}

static int has_crc_instruction(void) {
  uint32_t a = 1, b, c = 0, d;
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  return (c >> 20) & 1;
}
#endif

uint32_t dc_crc32c(uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *next = bytes;
  crc = ~crc;
#if defined(__x86_64__)
  // cpuid takes microseconds under a hypervisor: asked once.
  static uint8_t answer;
  uint8_t known = __atomic_load_n(&answer, __ATOMIC_RELAXED);
  if (!known) {
    known = has_crc_instruction() ? 2 : 1;
    __atomic_store_n(&answer, known, __ATOMIC_RELAXED);
  }
  if (known == 2) return ~crc_by_instruction(crc, next, count);
#endif
  for (; count > 0; count--) {
    crc ^= *next++;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82f63b78u & -(crc & 1));
  }
  return ~crc;
}
