// Threads that go from one stack to another all the time, and sleep a moment in each: whoever reads one without a signal
// sees one of three stacks, or says that it saw none.
#define _GNU_SOURCE
#include <dumpcollect.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define KEPT __attribute__((noipa))

KEPT static int nap(void) {
  struct timespec moment = {0, 20000};
  return nanosleep(&moment, NULL);
}
KEPT static int first_leaf(void) { return nap() + 1; }
KEPT static int first(void) { return first_leaf() + 1; }
KEPT static int second_leaf(volatile char *room) { return nap() + room[0]; }
KEPT static int second_middle(int size) {
  volatile char room[2000];
  room[0] = (char)size;
  return second_leaf(room) + room[1];
}
KEPT static int second(void) { return second_middle(3) + 1; }
KEPT static int third_leaf(int depth) {
  volatile char room[40];
  room[depth] = 1;
  return (depth == 0 ? nap() : third_leaf(depth - 1)) + room[depth];
}
KEPT static int third(void) { return third_leaf(3) + 1; }

static void *restless(void *argument) {
  pthread_setname_np(pthread_self(), "restless");
  for (;;) {
    first();
    second();
    third();
  }
  return argument;
}

int main(void) {
  if (dumpcollect_install(NULL) != 0) return 2;
  for (int i = 0; i < 4; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, restless, NULL) != 0) return 2;
  }
  printf("ready\n");
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) == 1) continue;
  _exit(0);
}
