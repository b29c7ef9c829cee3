// Threads that ask for the time again and again: the code that answers is the kernel's, in memory without a file.
#include <dumpcollect.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static volatile int ended;

static __attribute__((noinline)) void *watch_the_clock(void *unused) {
  struct timespec now;
  while (!ended) clock_gettime(CLOCK_MONOTONIC, &now);
  return unused;
}

int main(void) {
  if (dumpcollect_install(NULL) != 0) return 1;
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, watch_the_clock, NULL);
  printf("ready\n");
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0) continue;
  ended = 1;
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  return 0;
}
