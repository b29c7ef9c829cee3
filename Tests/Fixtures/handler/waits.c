// Pairs of threads that sleep in one call each: on the same descriptor, on others, in different operations of
// futex, in calls whose first argument says nothing. Prints "ready" when all are about to sleep.
#define _GNU_SOURCE
#include <dumpcollect.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int never[2], sockets[2], events, queue, lock_file;
static atomic_int words[2];
static unsigned held;  // a priority-inheritance futex that main has
static atomic_int begun;

static void sleep_in(long kind) {
  char byte;
  unsigned long long number;
  struct epoll_event event;
  struct timespec long_time = {100000, 0};
  switch (kind) {
    case 0: case 1: if (read(never[0], &byte, 1) < 0) abort(); break;
    case 2: case 3: if (read(sockets[0], &byte, 1) < 0) abort(); break;
    case 4: case 5: if (recv(sockets[0], &byte, 1, 0) < 0) abort(); break;
    case 6: case 7: if (read(events, &number, 8) < 0) abort(); break;
    case 8: case 9: epoll_wait(queue, &event, 1, -1); break;
    case 10: case 11: syscall(SYS_futex, &words[kind - 10], FUTEX_WAIT, 0, NULL, NULL, 0); break;
    case 12: case 13: syscall(SYS_futex, &held, FUTEX_LOCK_PI, 0, NULL, NULL, 0); break;
    case 14: case 15: poll(NULL, 0, -1); break;
    case 16: case 17: nanosleep(&long_time, NULL); break;
    case 18: case 19: pause(); break;
    default: flock(lock_file, LOCK_EX); break;
  }
}

static void *sleeper(void *argument) {
  char name[16];
  snprintf(name, sizeof name, "kind %ld", (long)argument);
  pthread_setname_np(pthread_self(), name);
  atomic_fetch_add(&begun, 1);
  sleep_in((long)argument);
  return NULL;
}

int main(void) {
  if (dumpcollect_install(NULL) != 0 || pipe(never) != 0) return 2;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0) return 2;
  events = eventfd(0, 0);
  queue = epoll_create1(0);
  FILE *first = tmpfile();
  if (!first || events < 0 || queue < 0) return 2;
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fileno(first));
  FILE *second = fopen(path, "r+");
  if (!second || flock(fileno(first), LOCK_EX) != 0) return 2;
  lock_file = fileno(second);
  if (syscall(SYS_futex, &held, FUTEX_LOCK_PI, 0, NULL, NULL, 0) != 0) return 2;
  for (long kind = 0; kind < 22; kind++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, sleeper, (void *)kind) != 0) return 2;
  }
  while (atomic_load(&begun) < 22) sched_yield();
  puts("ready");
  fflush(stdout);
  char line[16];
  if (!fgets(line, sizeof line, stdin)) _exit(0);
  _exit(0);
}
