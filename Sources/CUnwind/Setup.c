// What setup needs of libc; nothing here runs at signal time but the read of the one global.
#define _GNU_SOURCE
#include "SystemCalls.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

static dc_home *the_home;

dc_home *dc_get_home(void) { return __atomic_load_n(&the_home, __ATOMIC_ACQUIRE); }
void dc_set_home(dc_home *home) { __atomic_store_n(&the_home, home, __ATOMIC_RELEASE); }

extern void *__libc_stack_end __attribute__((weak));

uint64_t dc_main_stack_end(void) {
  return &__libc_stack_end ? (uint64_t)(uintptr_t)__libc_stack_end : 0;
}

const char *dc_environment(const char *name) { return getenv(name); }
int32_t dc_is_set_user_id(void) { return getauxval(AT_SECURE) != 0; }
#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif
uint64_t dc_minimum_signal_stack(void) { return getauxval(AT_MINSIGSTKSZ); }
uint64_t dc_program_entry(void) { return getauxval(AT_ENTRY); }

static int add_thread_block(struct dl_phdr_info *info, size_t size, void *sum) {
  (void)size;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *header = &info->dlpi_phdr[i];
    if (header->p_type == PT_TLS) *(uint64_t *)sum += header->p_memsz + header->p_align;
  }
  return 0;
}

uint64_t dc_thread_block_size(void) {
  uint64_t sum = 0;
  dl_iterate_phdr(add_thread_block, &sum);
  return sum;
}

static _Thread_local char path_buffer[dc_path_size];
char *dc_path_buffer(void) { return path_buffer; }

void dc_write_message(const void *text, size_t count) {
  // A closed pipe, a file at its limit: their signals would end the service for a word of ours.
  uint64_t signals = 1ull << (SIGPIPE - 1) | 1ull << (SIGXFSZ - 1);
  uint64_t mask = dc_set_mask(~0ull), before = 0;
  dc_syscall(SYS_rt_sigpending, (uintptr_t)&before, 8, 0, 0, 0, 0);
  intptr_t result = dc_write(2, text, count);
  uint64_t ours = signals & ~before;
  struct timespec now = {0, 0};
  if (result < 0 && ours) dc_syscall(SYS_rt_sigtimedwait, (uintptr_t)&ours, 0, (uintptr_t)&now, 8, 0, 0);
  dc_set_mask(mask);
}

const char *dc_working_directory(void) { return getcwd(path_buffer, sizeof path_buffer); }

static _Thread_local dc_label_owner *own_labels;
dc_label_owner **dc_own_labels(void) { return &own_labels; }

int32_t dc_start_collector(dc_home *home, void *(*entry)(void *)) {
  pthread_attr_t attributes;
  int failure = pthread_attr_init(&attributes);
  if (failure) return -failure;
  // On our own mapping: glibc then forgets stack and thread block in a forked child instead of
  // handing them to the child's next thread, and the child's collector can run on them.
  failure = pthread_attr_setstack(
      &attributes, (void *)(uintptr_t)home->collector_stack, home->collector_stack_size);
  pthread_t thread;
  if (!failure) failure = pthread_create(&thread, &attributes, entry, home);
  pthread_attr_destroy(&attributes);
  if (failure) return -failure;
  home->collector_thread = (uint64_t)thread;
  return 0;
}

int32_t dc_join_collector(dc_home *home) {
  if (!home->collector_thread) return 0;
  int failure = pthread_join((pthread_t)home->collector_thread, NULL);
  home->collector_thread = 0;
  return -failure;
}
