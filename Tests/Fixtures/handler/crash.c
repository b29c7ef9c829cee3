// A service that crashes. Words of the command line say what its threads do and which handlers it has; lines on
// standard input say how it is to crash. Prints "ready" when every thread is where it belongs.
#define _GNU_SOURCE
#include <dumpcollect.h>
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define KEPT __attribute__((noipa))

static int never[2];
static atomic_int in_place;
static atomic_ulong work;

KEPT static int block_in_read(void) {
  char byte;
  atomic_fetch_add(&in_place, 1);
  return (int)read(never[0], &byte, 1) + 1;
}
KEPT static int serve_connection(void) { return block_in_read() + 1; }
static void *reader(void *argument) {
  pthread_setname_np(pthread_self(), "reader");
  return (void *)(intptr_t)(serve_connection() + (argument != NULL));
}
static void *busy(void *argument) {
  pthread_setname_np(pthread_self(), "busy");
  atomic_fetch_add(&in_place, 1);
  while (argument == NULL) atomic_fetch_add_explicit(&work, 1, memory_order_relaxed);
  return NULL;
}

static void start(void *(*body)(void *), void *argument) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, body, argument) != 0) abort();
}

// Ways to die. Each stands below `crash_now`, and that below `serve_commands`.

static int *volatile wild = (int *)0x1238;
KEPT static void write_wild(void) { *wild = 1; }
KEPT static void read_truncated_mapping(void) {
  int file = memfd_create("short", MFD_CLOEXEC);
  if (ftruncate(file, 8192) != 0) _exit(3);
  volatile char *memory = mmap(NULL, 8192, PROT_READ, MAP_SHARED, file, 0);
  if (ftruncate(file, 0) != 0) _exit(3);
  (void)memory[4096];
}
KEPT static void divide_by_zero(void) {
  static volatile int zero;
  static volatile int one = 1;
  one = one / zero;
}
KEPT static void run_illegal(void) { __asm__ volatile("ud2"); }
KEPT static void break_here(void) { __asm__ volatile("int3"); }
KEPT static void fail_assertion(void) { assert(work == 4711 && "the books balance"); }
KEPT static void call_abort(void) { abort(); }
KEPT static void free_twice(void) {
  // In the largest size of the thread's own cache, which malloc checks.
  void *volatile memory = malloc(100);
  void *volatile again = memory;
  free(memory);
  free(again);
}
KEPT static void smash_buffer(void) {
  static char small[4];
  static const char *volatile text = "much too long";
  __builtin___strcpy_chk(small, text, sizeof small);
}
KEPT static void call_null(void) {
  static void (*volatile nowhere)(void) = NULL;
  nowhere();
  __asm__ volatile("");
}
KEPT static void call_wild(void) {
  static void (*volatile nowhere)(void) = (void (*)(void))0x1000;
  nowhere();
  __asm__ volatile("");
}
KEPT static void call_data(void) {
  static char data[64];
  static void (*volatile nowhere)(void);
  nowhere = (void (*)(void))(uintptr_t)data;
  nowhere();
  __asm__ volatile("");
}
KEPT static void filtered_call(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
  syscall(SYS_getppid);
}
KEPT static int overflow(int depth) {
  volatile char room[1000];
  room[0] = (char)depth;
  return (depth < 1 << 30 ? overflow(depth + 1) : 0) + room[0];
}
KEPT static void raise_signal(int signal) { raise(signal); }
KEPT static void kill_self(int signal) { kill(getpid(), signal); }
KEPT static void use_up_time(void) {
  struct rlimit limit = {1, 3};
  setrlimit(RLIMIT_CPU, &limit);
  for (;;) atomic_fetch_add_explicit(&work, 1, memory_order_relaxed);
}
KEPT static void use_up_file(void) {
  struct rlimit limit = {4096, 4096};
  setrlimit(RLIMIT_FSIZE, &limit);
  int file = memfd_create("long", MFD_CLOEXEC);
  static char bytes[8192];
  while (write(file, bytes, sizeof bytes) > 0) continue;
  printf("write ended with %d\n", errno);
}

KEPT static int crash_now(const char *how) {
  if (strcmp(how, "segv") == 0) write_wild();
  if (strcmp(how, "bus") == 0) read_truncated_mapping();
  if (strcmp(how, "fpe") == 0) divide_by_zero();
  if (strcmp(how, "ill") == 0) run_illegal();
  if (strcmp(how, "trap") == 0) break_here();
  if (strcmp(how, "sys") == 0) filtered_call();
  if (strcmp(how, "abort") == 0) call_abort();
  if (strcmp(how, "assert") == 0) fail_assertion();
  if (strcmp(how, "double free") == 0) free_twice();
  if (strcmp(how, "fortify") == 0) smash_buffer();
  if (strcmp(how, "call null") == 0) call_null();
  if (strcmp(how, "call wild") == 0) call_wild();
  if (strcmp(how, "call data") == 0) call_data();
  if (strcmp(how, "overflow") == 0) overflow(0);
  if (strncmp(how, "raise ", 6) == 0) raise_signal(atoi(how + 6));
  if (strncmp(how, "kill ", 5) == 0) kill_self(atoi(how + 5));
  if (strcmp(how, "xcpu") == 0) use_up_time();
  if (strcmp(how, "xfsz") == 0) use_up_file();
  return 1;
}

static char how_to_crash[128];
static void *crasher(void *argument) {
  pthread_setname_np(pthread_self(), "crasher");
  return (void *)(intptr_t)(crash_now(how_to_crash) + (argument != NULL));
}

static void obey(const char *line) {
  if (strncmp(line, "thread ", 7) == 0) {
    snprintf(how_to_crash, sizeof how_to_crash, "%s", line + 7);
    pthread_t thread;
    if (pthread_create(&thread, NULL, crasher, NULL) != 0) abort();
    pthread_join(thread, NULL);
  } else if (strcmp(line, "work") == 0) {
    printf("work %lu\n", atomic_load(&work));
  } else {
    crash_now(line);
    printf("survived\n");
  }
  fflush(stdout);
}

KEPT static void serve_commands(void) {
  char line[128];
  size_t count = 0;
  printf("ready\n");
  fflush(stdout);
  while (read(0, line + count, 1) == 1) {
    if (line[count] != '\n') {
      if (count < sizeof line - 2) count++;
      continue;
    }
    line[count] = 0;
    count = 0;
    obey(line);
  }
}

int main(int argc, char **argv) {
  if (pipe2(never, O_CLOEXEC) != 0) return 2;
  int wanted = 0;
  fprintf(stderr, "install %d\n", dumpcollect_install(NULL));
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "threads") == 0) {
      start(reader, NULL);
      start(busy, NULL);
      wanted += 2;
    }
  }
  while (atomic_load(&in_place) < wanted) sched_yield();
  serve_commands();
  _exit(0);
}
