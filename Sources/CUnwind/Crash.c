#define _GNU_SOURCE
#include "SystemCalls.h"

#include <string.h>
#include <ucontext.h>

#if defined(__x86_64__)
// The previous handler is jumped to, not called: it has all of the stack that we had, and whoever unwinds it finds
// the kernel's frame behind it. rax and rdx are the two words of dc_onward.
__asm__(
    ".text\n"
    ".p2align 4\n"
    ".globl dc_crash_entry\n"
    ".hidden dc_crash_entry\n"
    ".type dc_crash_entry, @function\n"
    "dc_crash_entry:\n"
    "  .cfi_startproc\n"
    "  pushq %rdi\n"
    "  .cfi_adjust_cfa_offset 8\n"
    "  pushq %rsi\n"
    "  .cfi_adjust_cfa_offset 8\n"
    "  pushq %rdx\n"
    "  .cfi_adjust_cfa_offset 8\n"
    "  cld\n"
    "  call dc_on_crash\n"
    "  popq %rcx\n"
    "  .cfi_adjust_cfa_offset -8\n"
    "  popq %rsi\n"
    "  .cfi_adjust_cfa_offset -8\n"
    "  popq %rdi\n"
    "  .cfi_adjust_cfa_offset -8\n"
    "  testq %rax, %rax\n"
    "  jz 2f\n"
    "  testq %rdx, %rdx\n"
    "  jz 1f\n"
    // The frame was moved: siginfo and context lie as far above the stack pointer as they did.
    "  subq %rsp, %rsi\n"
    "  subq %rsp, %rcx\n"
    "  movq %rdx, %rsp\n"
    "  addq %rsp, %rsi\n"
    "  addq %rsp, %rcx\n"
    "1:\n"
    "  movq %rcx, %rdx\n"
    "  jmp *%rax\n"
    "2:\n"
    "  ret\n"
    "  .cfi_endproc\n"
    ".size dc_crash_entry, .-dc_crash_entry\n"
    ".p2align 4\n"
    ".globl dc_call_on_stack\n"
    ".hidden dc_call_on_stack\n"
    ".type dc_call_on_stack, @function\n"
    "dc_call_on_stack:\n"
    "  .cfi_startproc\n"
    "  pushq %rbp\n"
    "  .cfi_adjust_cfa_offset 8\n"
    "  .cfi_rel_offset rbp, 0\n"
    "  movq %rsp, %rbp\n"
    "  .cfi_def_cfa_register rbp\n"
    "  movq %rdx, %rsp\n"
    "  andq $-16, %rsp\n"
    "  movq %rdi, %rax\n"
    "  movq %rsi, %rdi\n"
    "  call *%rax\n"
    "  movq %rbp, %rsp\n"
    "  popq %rbp\n"
    "  .cfi_def_cfa rsp, 8\n"
    "  ret\n"
    "  .cfi_endproc\n"
    ".size dc_call_on_stack, .-dc_call_on_stack\n"
    // `point` holds the stack pointer below what has to come back; the one around it is kept there too.
    ".p2align 4\n"
    ".globl dc_recover\n"
    ".hidden dc_recover\n"
    ".type dc_recover, @function\n"
    "dc_recover:\n"
    "  .cfi_startproc\n"
    "  pushq %rbp\n"
    "  .cfi_adjust_cfa_offset 8\n"
    "  pushq %rbx\n"
    "  .cfi_adjust_cfa_offset 8\n"
    "  pushq %r12\n"
    "  .cfi_adjust_cfa_offset 8\n"
    "  pushq %r13\n"
    "  .cfi_adjust_cfa_offset 8\n"
    "  pushq %r14\n"
    "  .cfi_adjust_cfa_offset 8\n"
    "  pushq %r15\n"
    "  .cfi_adjust_cfa_offset 8\n"
    "  pushq (%rdi)\n"
    "  .cfi_adjust_cfa_offset 8\n"
    "  pushq %rdi\n"
    "  .cfi_adjust_cfa_offset 8\n"
    "  subq $8, %rsp\n"
    "  .cfi_adjust_cfa_offset 8\n"
    "  movq %rsp, (%rdi)\n"
    "  movq %rdx, %rdi\n"
    "  call *%rsi\n"
    "  xorl %eax, %eax\n"
    "1:\n"
    "  addq $8, %rsp\n"
    "  .cfi_adjust_cfa_offset -8\n"
    "  popq %rdi\n"
    "  .cfi_adjust_cfa_offset -8\n"
    "  popq (%rdi)\n"
    "  .cfi_adjust_cfa_offset -8\n"
    "  popq %r15\n"
    "  .cfi_adjust_cfa_offset -8\n"
    "  popq %r14\n"
    "  .cfi_adjust_cfa_offset -8\n"
    "  popq %r13\n"
    "  .cfi_adjust_cfa_offset -8\n"
    "  popq %r12\n"
    "  .cfi_adjust_cfa_offset -8\n"
    "  popq %rbx\n"
    "  .cfi_adjust_cfa_offset -8\n"
    "  popq %rbp\n"
    "  .cfi_adjust_cfa_offset -8\n"
    "  ret\n"
    "  .cfi_adjust_cfa_offset 72\n"
    "dc_recover_resume:\n"
    "  cld\n"
    "  movl $1, %eax\n"
    "  jmp 1b\n"
    "  .cfi_endproc\n"
    ".size dc_recover, .-dc_recover\n");
extern const char dc_recover_resume[] __attribute__((visibility("hidden")));

void dc_go_on_at(void *context, uint64_t point) {
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  registers[REG_RSP] = (greg_t)point;
  registers[REG_RIP] = (greg_t)(uintptr_t)dc_recover_resume;
}
#endif

void dc_restore(void) __attribute__((visibility("hidden")));

#if defined(__x86_64__)
// arch/x86/kernel/signal_64.c: the return address, the kernel's ucontext (shorter than libc's), the siginfo, and
// above them, aligned to 64 bytes, the vector registers, whose size stands in them (struct _fpx_sw_bytes).
uint64_t dc_move_frame(void *context) {
  ucontext_t *frame = context;
  uint64_t entry = (uint64_t)(uintptr_t)context - 8;
  // Called by another handler, not by the kernel: then that one has chosen the stack.
  if (*(const uint64_t *)(uintptr_t)entry != (uint64_t)(uintptr_t)dc_restore) return 0;
  uint64_t bottom = (uint64_t)(uintptr_t)frame->uc_stack.ss_sp, size = frame->uc_stack.ss_size;
  uint64_t pointer = (uint64_t)frame->uc_mcontext.gregs[REG_RSP];
  if (entry - bottom >= size || pointer - bottom < size) return 0;
  uint64_t vectors = (uint64_t)(uintptr_t)frame->uc_mcontext.fpregs;
  if (vectors <= entry || vectors - bottom >= size) return 0;
  const uint32_t *software = (const uint32_t *)(uintptr_t)(vectors + 464);
  uint64_t vector_size = software[0] == 0x46505853 ? software[1] : 512;
  uint64_t to = (pointer - 128 - vector_size) & ~63ull;
  uint64_t moved = entry + (to - vectors);
  dc_open_faults();
  size_t left = dc_copy((void *)(uintptr_t)moved, (const void *)(uintptr_t)entry, vectors + vector_size - entry);
  dc_set_mask(~0ull);
  if (left != 0) return 1;
  ((ucontext_t *)(uintptr_t)(moved + 8))->uc_mcontext.fpregs = (fpregset_t)(uintptr_t)to;
  return moved;
}

void dc_repeat_instruction(int32_t signal, const siginfo_t *info, void *context) {
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  if (signal == SIGTRAP && info->si_code == 0x80) registers[REG_RIP] -= 1;
  if (signal != SIGSYS) return;
  registers[REG_RIP] -= 2;
  registers[REG_RAX] = info->si_syscall;
}
#endif

uint64_t dc_get_context_mask(const void *context) {
  uint64_t mask;
  memcpy(&mask, &((const ucontext_t *)context)->uc_sigmask, sizeof mask);
  return mask;
}

void dc_set_context_mask(void *context, uint64_t mask) {
  memcpy(&((ucontext_t *)context)->uc_sigmask, &mask, sizeof mask);
}

void dc_set_default(int32_t signal) {
  dc_action action = {0, 0, 0, 0};
  dc_set_action(signal, &action);
}
