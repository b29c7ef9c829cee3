// Threads blocked under a known depth of frames, dumped on request: the subject of Benchmarks/capture.
//
// usage: threads COUNT [BUSY]: so many blocked threads, and so many that never sleep. A ticker thread wakes every
// 100 µs and notes by how much it was late. Then a line at a time on standard input:
//   empty       signals all blocked threads with an empty handler, prints the nanoseconds to the last one
//   capture     makes a capture, prints the nanoseconds to its publication and its path
//   ticks N     alternates N captures with idle stretches as long, prints for idle and for captures: ticks,
//               and their lateness in nanoseconds: median, 99th and 99.9th percentile, longest
//   stall       begins to note lateness for itself; the next "stall" prints the longest and begins anew
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
#include <sys/prctl.h>
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

static void *spin(void *argument) {
  for (;;) atomic_load_explicit((atomic_int *)argument, memory_order_relaxed);
}

// MARK: The ticker

enum { kept_ticks = 4000000 };
enum window { outside, idle, capturing, windows };
static atomic_int window;
static unsigned *lateness[windows];
static atomic_int ticks[windows];
static atomic_llong longest_stall;

static void *tick(void *argument) {
  prctl(PR_SET_TIMERSLACK, 1);
  for (;;) {
    int begun_in = atomic_load(&window);
    long long due = now() + 100000;
    struct timespec time = {due / 1000000000, due % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR) continue;
    long long late = now() - due;
    int in = atomic_load(&window);
    // A tick that is in a capture at either end is one of the capture.
    if (begun_in > in) in = begun_in;
    int count = atomic_load(&ticks[in]);
    if (in != outside && count < kept_ticks) {
      lateness[in][count] = late > 4000000000 ? 4000000000 : (unsigned)late;
      atomic_store(&ticks[in], count + 1);
    }
    if (late > atomic_load(&longest_stall)) atomic_store(&longest_stall, late);
  }
  return argument;
}

static int compare(const void *a, const void *b) {
  unsigned first = *(const unsigned *)a, second = *(const unsigned *)b;
  return (first > second) - (first < second);
}

static void print_ticks(int in) {
  int count = atomic_load(&ticks[in]);
  unsigned *values = lateness[in];
  qsort(values, (size_t)count, sizeof *values, compare);
  if (count == 0) values[0] = 0, count = 1;
  printf("%d %u %u %u %u ", count, values[count / 2], values[(long)count * 99 / 100],
         values[(long)count * 999 / 1000], values[count - 1]);
}

static int alternate(int rounds) {
  atomic_store(&ticks[idle], 0);
  atomic_store(&ticks[capturing], 0);
  for (int i = 0; i < rounds; i++) {
    atomic_store(&window, capturing);
    long long begin = now();
    int result = dumpcollect_capture("benchmark");
    long long end = now();
    atomic_store(&window, outside);
    if (result != 0) return result;
    usleep(1000);
    atomic_store(&window, idle);
    usleep((useconds_t)((end - begin) / 1000));
    atomic_store(&window, outside);
    usleep(1000);
  }
  print_ticks(idle);
  print_ticks(capturing);
  putchar('\n');
  return 0;
}

static void start(void *(*body)(void *), void *argument) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, body, argument) != 0) abort();
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : 1000;
  int busy = argc > 2 ? atoi(argv[2]) : 0;
  if (threads < 1 || threads > 100000 || busy < 0 || busy > 1000) {
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
  for (int i = 1; i < windows; i++) {
    lateness[i] = calloc(kept_ticks, sizeof **lateness);
    if (!lateness[i]) return 2;
  }
  static atomic_int never;
  for (int i = 0; i < busy; i++) start(spin, &never);
  start(tick, NULL);
  usleep(100000);
  puts("ready");
  fflush(stdout);
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    if (strcmp(line, "empty\n") == 0) {
      printf("%lld\n", signal_all(threads));
    } else if (strncmp(line, "ticks ", 6) == 0) {
      result = alternate(atoi(line + 6));
      if (result != 0) printf("failed %s\n", strerror(-result));
    } else if (strcmp(line, "stall\n") == 0) {
      printf("%lld\n", atomic_exchange(&longest_stall, 0));
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
