// A service in surroundings that change under it: identity, timers, number of threads, descriptors, its own program. Each
// line on standard input asks for something.
#define _GNU_SOURCE
#include <dumpcollect.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int never[2];
static atomic_int in_place, profiled;
static atomic_ulong changes;

__attribute__((noipa)) static long block(void) {
  char byte;
  atomic_fetch_add(&in_place, 1);
  return read(never[0], &byte, 1);
}
static void *reader(void *argument) {
  pthread_setname_np(pthread_self(), "reader");
  return (void *)(intptr_t)(block() + (argument != NULL));
}
static void start_readers(int count) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 32768);
  int before = atomic_load(&in_place);
  for (int i = 0; i < count; i++) {
    pthread_t thread;
    if (pthread_create(&thread, &attributes, reader, NULL) != 0) abort();
  }
  while (atomic_load(&in_place) < before + count) sched_yield();
}

// libc tells every thread of a change of identity by a signal of its own, and waits for all of them.
static void *change_identity(void *argument) {
  gid_t groups[1] = {0};
  pthread_setname_np(pthread_self(), "identity");
  for (;;) {
    if (setgroups(1, groups) != 0 || setgid(0) != 0 || setuid(0) != 0 || initgroups("root", 0) != 0 ||
        setresuid(0, 0, 0) != 0)
      abort();
    atomic_fetch_add(&changes, 1);
  }
  return argument;
}

static void on_profile(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)info, (void)context;
  atomic_fetch_add(&profiled, 1);
}
static void *spin(void *argument) {
  pthread_setname_np(pthread_self(), "busy");
  for (volatile int i = 0;; i++) continue;
  return argument;
}
// As profilers of today do: a timer of the thread's own processor time, its signal for this thread alone.
static void *spin_profiled(void *argument) {
  struct sigevent event;
  memset(&event, 0, sizeof event);
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGPROF;
  event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
  timer_t timer;
  struct itimerspec every = {{0, 1000000}, {0, 1000000}};
  if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0 || timer_settime(timer, 0, &every, NULL) != 0)
    abort();
  return spin(argument);
}
static void profile(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_profile;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigaction(SIGPROF, &action, NULL);
}
static void start(void *(*body)(void *)) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, body, NULL) != 0) abort();
}

static void *capture_for_ever(void *argument) {
  for (;;) dumpcollect_capture(NULL);
  return argument;
}
// Becomes itself again and again while captures are made.
static void replace(char **argv, int left, int uninstalls) {
  char number[16];
  snprintf(number, sizeof number, "%d", left - 1);
  start(capture_for_ever);
  start(capture_for_ever);
  struct timespec moment = {0, 1000000};
  nanosleep(&moment, NULL);
  if (uninstalls) dumpcollect_uninstall();
  char *arguments[] = {argv[0], argv[1], number, NULL};
  execv("/proc/self/exe", arguments);
  abort();
}

static void obey(const char *line) {
  int number = 0;
  if (sscanf(line, "readers %d", &number) == 1) {
    start_readers(number);
    printf("readers %d\n", number);
  } else if (strcmp(line, "identity") == 0) {
    start(change_identity);
    printf("identity on\n");
  } else if (strcmp(line, "changes") == 0) {
    printf("changes %lu\n", atomic_load(&changes));
  } else if (strcmp(line, "profile") == 0) {
    profile();
    start(spin_profiled);
    printf("profile on\n");
  } else if (strcmp(line, "profiled") == 0) {
    printf("profiled %d\n", atomic_load(&profiled));
  } else if (strcmp(line, "close") == 0) {
    printf("close %d\n", close_range(3, ~0u, 0));
  } else if (strcmp(line, "dumpable") == 0) {
    printf("dumpable %d\n", prctl(PR_SET_DUMPABLE, 0));
  } else if (strcmp(line, "capture") == 0) {
    printf("capture %d\n", dumpcollect_capture("asked by test"));
  } else {
    printf("unknown command\n");
  }
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (pipe2(never, O_CLOEXEC) != 0) return 2;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (argc > 1 && strcmp(argv[1], "profile-before") == 0) {
    profile();
    start(spin_profiled);
  }
  if (dumpcollect_install(NULL) != 0) return 2;
  if (argc > 2 && strncmp(argv[1], "replace", 7) == 0) {
    int left = atoi(argv[2]);
    if (left > 0) replace(argv, left, strcmp(argv[1], "replace-uninstalled") == 0);
    printf("replaced\n");
    fflush(stdout);
    _exit(0);
  }
  printf("ready\n");
  fflush(stdout);
  char line[64];
  size_t count = 0;
  while (read(0, line + count, 1) == 1) {
    if (line[count] != '\n') {
      if (count < sizeof line - 2) count++;
      continue;
    }
    line[count] = 0;
    count = 0;
    obey(line);
  }
  _exit(0);
}
