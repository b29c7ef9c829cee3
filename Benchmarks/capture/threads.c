// Threads blocked under a known depth of frames, dumped on request: the subject of Benchmarks/capture.
//
// usage: threads COUNT; then a line at a time on standard input:
//   empty    signals all threads with an empty handler, prints the nanoseconds to the last one
//   capture  makes a capture, prints the nanoseconds to its publication and its path
#define _GNU_SOURCE
#include <dumpcollect.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int pipe_ends[2];
static pid_t *thread_ids;
static atomic_int started;
static atomic_int answered;
static atomic_int expected;

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

// Two functions that call each other, with frames of different size.
static int odd(int depth, long index);
__attribute__((noinline)) static int even(int depth, long index) {
  volatile char room[96];
  room[0] = (char)depth;
  if (depth == 0) {
    char byte;
    thread_ids[index] = (pid_t)syscall(SYS_gettid);
    atomic_fetch_add(&started, 1);
    return (int)read(pipe_ends[0], &byte, 1) + room[0];
  }
  return odd(depth - 1, index) + room[0];
}

__attribute__((noinline)) static int odd(int depth, long index) {
  volatile char room[32];
  room[0] = (char)depth;
  return even(depth - 1, index) + room[0];
}

static void *block(void *argument) { return (void *)(long)even(22, (long)argument); }

static void count(int signal) {
  (void)signal;
  if (atomic_fetch_add(&answered, 1) + 1 == atomic_load(&expected))
    syscall(SYS_futex, &answered, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static long long signal_all(int threads) {
  atomic_store(&answered, 0);
  atomic_store(&expected, threads);
  pid_t process = getpid();
  union sigval value = {0};
  siginfo_t info;
  memset(&info, 0, sizeof info);
  info.si_signo = SIGUSR2;
  info.si_code = SI_QUEUE;
  info.si_pid = process;
  info.si_value = value;
  long long begin = now();
  for (int i = 0; i < threads; i++) syscall(SYS_rt_tgsigqueueinfo, process, thread_ids[i], SIGUSR2, &info);
  for (int seen; (seen = atomic_load(&answered)) < threads;) {
    struct timespec pause = {0, 1000000};
    syscall(SYS_futex, &answered, FUTEX_WAIT, seen, &pause, NULL, 0);
  }
  return now() - begin;
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : 1000;
  if (threads < 1 || threads > 100000) {
    fprintf(stderr, "threads: a count from 1 to 100000\n");
    return 64;
  }
  int result = dumpcollect_install(NULL);
  if (result != 0) {
    fprintf(stderr, "threads: install: %s\n", strerror(-result));
    return 2;
  }
  thread_ids = calloc((size_t)threads, sizeof *thread_ids);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = count;
  action.sa_flags = SA_RESTART;
  sigfillset(&action.sa_mask);
  sigaction(SIGUSR2, &action, NULL);
  if (!thread_ids || pipe(pipe_ends) != 0) return 2;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 262144);
  for (long i = 0; i < threads; i++) {
    pthread_t thread;
    if (pthread_create(&thread, &attributes, block, (void *)i) != 0) {
      fprintf(stderr, "threads: only %ld of %d threads\n", i, threads);
      return 2;
    }
  }
  while (atomic_load(&started) < threads) usleep(1000);
  usleep(100000);
  puts("ready");
  fflush(stdout);
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    if (strcmp(line, "empty\n") == 0) {
      printf("%lld\n", signal_all(threads));
    } else {
      long long begin = now();
      result = dumpcollect_capture("benchmark");
      long long end = now();
      if (result != 0) printf("failed %s\n", strerror(-result));
      else printf("%lld %s\n", end - begin, dumpcollect_last_capture());
    }
    fflush(stdout);
  }
  _exit(0);
}
