// Threads with known creators. Prints "ready" when they stand; lines on standard input ask for more.
#define _GNU_SOURCE
#include <dumpcollect.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <threads.h>
#include <unistd.h>

#ifdef __clang__
#define KEPT __attribute__((noinline))
#else
#define KEPT __attribute__((noipa))
#endif

static sem_t in_place, never;

static void *block(void *name) {
  pthread_setname_np(pthread_self(), name);
  sem_post(&in_place);
  for (;;) sem_wait(&never);
  return NULL;
}

KEPT static pthread_t start(void *(*body)(void *), void *argument) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, body, argument) != 0) abort();
  return thread;
}

KEPT static int start_worker(void) {
  start(block, "worker");
  sem_wait(&in_place);
  return 1;
}
KEPT static int open_pool(void) {
  int started = 0;
  for (int i = 0; i < 3; i++) started += start_worker();
  return started;
}

KEPT static int open_log(void) {
  start(block, "logger");
  sem_wait(&in_place);
  return 1;
}
static void *starter(void *argument) {
  pthread_setname_np(pthread_self(), "starter");
  open_log();
  return argument;
}

static int block_c11(void *name) { return block(name) != NULL; }
KEPT static int open_timer(void) {
  thrd_t thread;
  if (thrd_create(&thread, block_c11, "timer") != thrd_success) abort();
  sem_wait(&in_place);
  return 1;
}

static void *end_at_once(void *argument) { return argument; }
static void *end_raw(void *argument) {
  syscall(SYS_exit, 0);
  return argument;
}

// A different stack for each depth.
KEPT static int dig(int depth, void *(*body)(void *)) {
  if (depth == 0) return pthread_join(start(body, NULL), NULL) + 1;
  return dig(depth - 1, body) + 1;
}

int main(void) {
  sem_init(&in_place, 0, 0);
  sem_init(&never, 0, 0);
  if (dumpcollect_install(NULL) != 0) return 1;
  setvbuf(stdout, NULL, _IOLBF, 0);
  open_pool();
  pthread_join(start(starter, NULL), NULL);
  open_timer();
  puts("ready");
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    int number = 0;
    int done = 0;
    // More different stacks than the table has room for, each given back before the next.
    if (sscanf(line, "churn %d", &number) == 1)
      for (int i = 0; i < number; i++) done += dig(i % 20, end_at_once) > 0;
    // Threads that leave without libc's knowledge, and their entries behind.
    if (sscanf(line, "raw %d", &number) == 1)
      for (int i = 0; i < number; i++) done += dig(i % 20, end_raw) > 0;
    if (!strcmp(line, "worker\n")) done = start_worker();
    if (!strcmp(line, "fork\n")) {
      pid_t child = fork();
      if (child == 0) {
        open_log();
        printf("child %d\n", (int)getpid());
        for (;;) pause();
      }
      continue;
    }
    printf("done %d\n", done);
  }
  return 0;
}
