// A service whose every thread stands in a chain of calls that the source names.
//
// A line that a frame must show ends in a comment "at NAME"; the test reads the number of that line from here.
// Each call's result is used after it, so that no call is a tail call.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dumpcollect.h"

#ifdef __clang__
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noipa))
#endif
#define INLINE static inline __attribute__((always_inline))

static int silent_pipe[2];
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static sem_t started;
static atomic_ulong work;

NOINLINE int block_in_read(int descriptor) {
  char byte;
  ssize_t count = read(descriptor, &byte, 1);  // at block_in_read
  return (int)count + 1;
}

INLINE int inlined_twice(int descriptor) {
  return block_in_read(descriptor) + 1;  // at inlined_twice
}

INLINE int inlined_once(int descriptor) {
  return inlined_twice(descriptor) + 1;  // at inlined_once
}

NOINLINE void *reader_main(void *argument) {
  (void)argument;
  pthread_setname_np(pthread_self(), "reader");
  sem_post(&started);
  long sum = inlined_once(silent_pipe[0]) + 1;  // at reader_main
  return (void *)sum;
}

NOINLINE int take_lock(pthread_mutex_t *lock) {
  int error = pthread_mutex_lock(lock);  // at take_lock
  return error + 1;
}

NOINLINE void *locker_main(void *argument) {
  (void)argument;
  pthread_setname_np(pthread_self(), "locker");
  sem_post(&started);
  long sum = take_lock(&held) + 1;  // at locker_main
  return (void *)sum;
}

NOINLINE int wait_for_condition(void) {
  pthread_mutex_lock(&gate);
  int error = pthread_cond_wait(&never, &gate);  // at wait_for_condition
  pthread_mutex_unlock(&gate);
  return error + 1;
}

NOINLINE void *waiter_main(void *argument) {
  (void)argument;
  pthread_setname_np(pthread_self(), "waiter");
  sem_post(&started);
  long sum = wait_for_condition() + 1;  // at waiter_main
  return (void *)sum;
}

NOINLINE int descend(int depth) {
  if (depth == 0) {
    return block_in_read(silent_pipe[0]) + 1;  // at descend bottom
  }
  int sum = descend(depth - 1);  // at descend
  __asm__ volatile("" : "+r"(sum));  // else gcc makes a loop of the recursion
  return sum + 1;
}

NOINLINE void *diver_main(void *argument) {
  (void)argument;
  pthread_setname_np(pthread_self(), "diver");
  sem_post(&started);
  long sum = descend(40) + 1;  // at diver_main
  return (void *)sum;
}

NOINLINE void *masked_main(void *argument) {
  (void)argument;
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, NULL);
  pthread_setname_np(pthread_self(), "masked");
  sem_post(&started);
  long sum = block_in_read(silent_pipe[0]) + 1;  // at masked_main
  return (void *)sum;
}

NOINLINE unsigned long do_work(void) {
  return atomic_fetch_add(&work, 1);
}

NOINLINE void *spinner_main(void *argument) {
  (void)argument;
  pthread_setname_np(pthread_self(), "spinner");
  sem_post(&started);
  unsigned long sum = 0;
  for (;;) {
    sum += do_work();  // at spinner_main
    __asm__ volatile("" : "+r"(sum));
  }
  return NULL;
}

// Answers "work" with the counter until standard input ends.
NOINLINE int serve(void) {
  char line[64];
  while (fgets(line, sizeof line, stdin)) {  // at serve
    if (strcmp(line, "work\n") == 0) printf("%lu\n", atomic_load(&work));
    fflush(stdout);
  }
  return 0;
}

int main(void) {
  int error = dumpcollect_install(NULL);
  if (error) {
    fprintf(stderr, "dumpcollect_install: %s\n", strerror(-error));
    return 1;
  }
  if (pipe(silent_pipe)) return 1;
  sem_init(&started, 0, 0);
  pthread_mutex_lock(&held);
  void *(*bodies[])(void *) = {reader_main, locker_main, waiter_main,
                               diver_main,  masked_main, spinner_main};
  for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, bodies[i], NULL)) return 1;
  }
  for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
    while (sem_wait(&started) && errno == EINTR) continue;
  }
  puts("ready");
  fflush(stdout);
  int status = serve();  // at main
  return status;
}
