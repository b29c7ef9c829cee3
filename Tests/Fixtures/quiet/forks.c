// Forks while the collector is inside libunwind, and once more while it is not. Prints both children.
#define _GNU_SOURCE
#include <dumpcollect.h>
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static int never[2];
static atomic_int *hold_step, *is_held;

__attribute__((noipa)) static long block(void) {
  char byte;
  return read(never[0], &byte, 1);
}
__attribute__((noipa)) static long in_child(void) { return block() + 1; }

static pid_t start_child(void) {
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    atomic_store(hold_step, 0);
    in_child();
    _exit(0);
  }
  return child;
}
static void *capture(void *argument) {
  dumpcollect_capture("held");
  return argument;
}

int main(void) {
  if (pipe(never) != 0 || dumpcollect_install(NULL) != 0) return 2;
  void *library = dlopen("libunwind-x86_64.so.8", RTLD_NOW | RTLD_NOLOAD);
  hold_step = library ? (atomic_int *)dlsym(library, "hold_step") : NULL;
  is_held = library ? (atomic_int *)dlsym(library, "is_held") : NULL;
  if (!hold_step || !is_held) return 3;
  pthread_t thread;
  atomic_store(hold_step, 1);
  if (pthread_create(&thread, NULL, capture, NULL) != 0) return 2;
  while (!atomic_load(is_held)) sched_yield();
  pid_t first = start_child();
  atomic_store(hold_step, 0);
  pthread_join(thread, NULL);
  pid_t second = start_child();
  printf("children %d %d\n", first, second);
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) == 1) continue;
  return 0;
}
