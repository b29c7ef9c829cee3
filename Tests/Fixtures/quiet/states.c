// Threads in states in which they cannot be signalled, or not be walked to an end. Each word of the command line adds one;
// prints "ready" when all are there.
#define _GNU_SOURCE
#include <dumpcollect.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#ifdef __clang__
#define KEPT __attribute__((noinline))
#else
#define KEPT __attribute__((noipa))
#endif

static int never[2];
static atomic_int in_place;
static int wanted;

KEPT static long block(void) {
  char byte;
  atomic_fetch_add(&in_place, 1);
  return read(never[0], &byte, 1);
}

// The child lives in our memory and sleeps: its parent sleeps where no signal reaches it, state D.
KEPT static int wait_for_child(void) {
  pid_t child = vfork();
  if (child == 0) {
    syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    atomic_fetch_add(&in_place, 1);
    for (;;) syscall(SYS_pause);
  }
  return child + 1;
}
KEPT static int start_child(void) { return wait_for_child() + 1; }
static void *vfork_parent(void *argument) { return (void *)(intptr_t)(start_child() + (argument != NULL)); }

static void block_all_signals(void) {
  uint64_t all = ~0ull;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
}
KEPT static long read_deaf(void) { return block() + 1; }
static void *deaf(void *argument) {
  block_all_signals();
  return (void *)(intptr_t)(read_deaf() + (argument != NULL));
}

// Waits for one signal of its own by a descriptor.
KEPT static long read_signal(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  int file = signalfd(-1, &set, 0);
  struct signalfd_siginfo info;
  atomic_fetch_add(&in_place, 1);
  long count = read(file, &info, sizeof info);
  printf("signalfd got %u\n", info.ssi_signo);
  fflush(stdout);
  return count + 1;
}
static void *signal_reader(void *argument) { return (void *)(intptr_t)(read_signal() + (argument != NULL)); }

// A stack that somebody switched to by hand, without a word about it in any table; its first frame returns nowhere.
KEPT static void on_own_stack(void) {
  block();
  for (;;) pause();
}
static void *own_stack(void *argument) {
  char *memory = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) abort();
  uintptr_t top = (uintptr_t)memory + 65536 - 64;
  __asm__ volatile("movq %0, %%rsp\n pushq $0\n jmp *%1\n" : : "r"(top), "r"(on_own_stack) : "memory");
  return argument;
}

static ucontext_t outside, inside;
KEPT static void coroutine_body(void) { block(); }
static void *coroutine(void *argument) {
  char *memory = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) abort();
  getcontext(&inside);
  inside.uc_stack.ss_sp = memory;
  inside.uc_stack.ss_size = 65536;
  inside.uc_link = &outside;
  makecontext(&inside, coroutine_body, 0);
  swapcontext(&outside, &inside);
  return argument;
}

// Threads that come and go all the time.
static void *short_lived(void *argument) { return argument; }
static void *maker(void *argument) {
  atomic_fetch_add(&in_place, 1);
  for (;;) {
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
      if (pthread_create(&threads[i], NULL, short_lived, argument) != 0) abort();
    for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
  }
  return NULL;
}

static const struct {
  const char *word;
  void *(*body)(void *);
} states[] = {{"vfork parent", vfork_parent}, {"deaf", deaf},           {"signalfd", signal_reader},
              {"own stack", own_stack},       {"coroutine", coroutine}, {"maker", maker}};
enum { state_count = sizeof states / sizeof *states };

static void *enter(void *argument) {
  int index = (int)(intptr_t)argument;
  pthread_setname_np(pthread_self(), states[index].word);
  return states[index].body(NULL);
}

int main(int argc, char **argv) {
  if (pipe2(never, O_CLOEXEC) != 0) return 2;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (dumpcollect_install(NULL) != 0) return 2;
  for (int i = 1; i < argc; i++)
    for (int j = 0; j < state_count; j++) {
      pthread_t thread;
      if (strcmp(argv[i], states[j].word) != 0) continue;
      wanted++;
      if (pthread_create(&thread, NULL, enter, (void *)(intptr_t)j) != 0) return 2;
    }
  while (atomic_load(&in_place) < wanted) sched_yield();
  printf("ready\n");
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) == 1) {
    if (byte != '\n') continue;
    printf("still here\n");
    fflush(stdout);
  }
  _exit(0);
}
