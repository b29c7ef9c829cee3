// Functions written by hand: symbols without type and size, and a label inside the one that calls back.
  .text
  .globl before_assembly
before_assembly:
  .cfi_startproc
  xor %eax, %eax
  ret
  .cfi_endproc

  .globl call_through_assembly
call_through_assembly:
  .cfi_startproc
  push %rbp
  .cfi_def_cfa_offset 16
  .cfi_offset %rbp, -16
  mov %rsp, %rbp
  .cfi_def_cfa_register %rbp
  mov %rdi, %rax
  mov %esi, %edi
.Lcall:
  call *%rax // at call_through_assembly
  add $1, %eax
  pop %rbp
  .cfi_def_cfa %rsp, 8
  ret
  .cfi_endproc

  .globl after_assembly
after_assembly:
  .cfi_startproc
  ret
  .cfi_endproc
  .section .note.GNU-stack, "", @progbits
