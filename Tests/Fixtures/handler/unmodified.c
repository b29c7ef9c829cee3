// A program that does not know of the handler: it is armed by LD_PRELOAD.
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static int never[2];
static pthread_barrier_t barrier;

__attribute__((noinline)) static int wait_for_nothing(void) {
  char byte;
  pthread_barrier_wait(&barrier);
  return (int)read(never[0], &byte, 1) + 1;
}

static void *body(void *argument) { return (char *)argument + wait_for_nothing(); }

int main(void) {
  pthread_t thread;
  char byte;
  if (pipe(never) != 0) return 2;
  pthread_barrier_init(&barrier, NULL, 2);
  if (pthread_create(&thread, NULL, body, NULL) != 0) return 2;
  pthread_barrier_wait(&barrier);
  puts("ready");
  fflush(stdout);
  return read(0, &byte, 1) == 1 ? 0 : 1;
}
