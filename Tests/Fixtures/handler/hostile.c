// A service that does what few do. The word of the command line chooses; prints "ready", then makes a capture
// for each line on standard input and prints its result.
#define _GNU_SOURCE
#include <dumpcollect.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

// Runs in code without unwind tables, with a frame pointer eight bytes before the end of the address space.
static void *wild(void *there) {
  static const unsigned char code[] = {
      0x48, 0xc7, 0xc5, 0xf8, 0xff, 0xff, 0xff,  // mov $-8, %rbp
      0xc7, 0x07, 0x01, 0x00, 0x00, 0x00,        // movl $1, (%rdi)
      0xeb, 0xfe,                                // jmp .
  };
  void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) abort();
  memcpy(memory, code, sizeof code);
  ((void (*)(void *))(uintptr_t)memory)(there);
  return NULL;
}

static void start_wild(void) {
  static atomic_int there;
  pthread_t thread;
  if (pthread_create(&thread, NULL, wild, &there) != 0) abort();
  while (!atomic_load(&there)) sched_yield();
}

// Two thread signals one after the other, each with an action of ours from before.
static volatile sig_atomic_t profiles, urgents;
static void on_signal(int signal) {
  if (signal == SIGPROF) profiles++;
  if (signal == SIGURG) urgents++;
}
static void change_thread_signal(void) {
  signal(SIGPROF, on_signal);
  signal(SIGURG, on_signal);
  dumpcollect_options options = {.size = sizeof options, .thread_signal = SIGPROF};
  if (dumpcollect_uninstall() != 0 || dumpcollect_install(&options) != 0) abort();
  options.thread_signal = SIGURG;
  if (dumpcollect_uninstall() != 0 || dumpcollect_install(&options) != 0) abort();
  raise(SIGPROF);
  raise(SIGURG);
  raise(SIGPROF);
  printf("profiles %d urgents %d\n", (int)profiles, (int)urgents);
}

// Threads on stacks of their own, whose copies end by a fault, while the handler comes and goes.
static atomic_int in_place;
static void wait_on_own_stack(void) {
  atomic_fetch_add(&in_place, 1);
  for (;;) pause();
}
static void *own_stack(void *argument) {
  static _Thread_local ucontext_t inside, outside;
  size_t size = 65536;
  char *memory = mmap(NULL, size + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) abort();
  mprotect(memory + 4096, size, PROT_READ | PROT_WRITE);
  getcontext(&inside);
  inside.uc_stack.ss_sp = memory + 4096;
  inside.uc_stack.ss_size = size;
  inside.uc_link = &outside;
  makecontext(&inside, wait_on_own_stack, 0);
  swapcontext(&outside, &inside);
  return argument;
}
static int64_t nanoseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}
static long address_space(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file || fscanf(file, "%ld", &pages) != 1) abort();
  fclose(file);
  return pages * 4;
}
static void come_and_go(void) {
  enum { threads = 64, rounds = 60 };
  long before = 0;
  for (int i = 0; i < threads; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, own_stack, NULL) != 0) abort();
  }
  while (atomic_load(&in_place) < threads) sched_yield();
  for (int i = 0; i < rounds; i++) {
    kill(getpid(), SIGQUIT);
    // Later in each round, so that some uninstall meets the threads in their copies.
    int64_t until = nanoseconds() + i * 100000LL;
    while (nanoseconds() < until) sched_yield();
    if (dumpcollect_uninstall() != 0 || dumpcollect_install(NULL) != 0) abort();
    if (i == 9) before = address_space();
  }
  printf("grown %ld KiB\n", address_space() - before);
}

// Callers on four threads, while the link that is the capture directory changes under them.
static atomic_int callers_left = 4, failures;
static void *caller(void *argument) {
  for (int i = 0; i < 100; i++) {
    if (dumpcollect_capture("caller") != 0) atomic_fetch_add(&failures, 1);
  }
  atomic_fetch_sub(&callers_left, 1);
  return argument;
}
static void call_while_directory_changes(const char *link, const char *new_link) {
  for (int i = 0; i < 4; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, caller, NULL) != 0) abort();
  }
  for (int i = 0; atomic_load(&callers_left) > 0; i++) {
    if (symlink(i & 1 ? "first" : "second", new_link) != 0 || rename(new_link, link) != 0) abort();
    sched_yield();
  }
  printf("failures %d\n", atomic_load(&failures));
}

// Every second page of data has another protection: hundreds of mappings of one file.
enum { page_count = 400 };
static char pages[page_count][4096] __attribute__((aligned(4096))) = {{1}};
__attribute__((section(".data.behind"), aligned(4096))) static char behind[4096] = {1};
static void split_pages(void) {
  for (int i = 0; i < page_count; i += 2)
    if (mprotect(pages[i], 4096, PROT_READ) != 0) abort();
  printf("pages %d data %lx\n", page_count, (unsigned long)behind);
}

// Callers who all ask at one moment, when only one capture may be made.
static pthread_barrier_t moment;
static atomic_int made, refused, other, asked;
static void *caller_of_crowd(void *argument) {
  pthread_barrier_wait(&moment);
  // One after the other, so that some ask while the capture of the first goes on.
  for (int turn = (int)(intptr_t)argument; atomic_load(&asked) < turn;) sched_yield();
  atomic_fetch_add(&asked, 1);
  int result = dumpcollect_capture("crowd");
  atomic_fetch_add(result == 0 ? &made : result == -11 ? &refused : &other, 1);
  return argument;
}
static void ask_as_a_crowd(void) {
  enum { callers = 48 };
  pthread_t threads[callers];
  pthread_barrier_init(&moment, NULL, callers);
  for (int i = 0; i < callers; i++)
    if (pthread_create(&threads[i], NULL, caller_of_crowd, (void *)(intptr_t)i) != 0) abort();
  for (int i = 0; i < callers; i++) pthread_join(threads[i], NULL);
  printf("made %d refused %d other %d\n", atomic_load(&made), atomic_load(&refused), atomic_load(&other));
}

// Threads with long stacks.
static int descend(int depth) {
  volatile char room[4096];
  room[0] = 1;
  if (depth > 0) return descend(depth - 1) + room[0];
  atomic_fetch_add(&in_place, 1);
  while (room[0]) pause();
  return room[0];
}
static void *long_stack(void *argument) { return (void *)(intptr_t)(descend(50) + (argument != NULL)); }
static void start_long_stacks(void) {
  enum { threads = 64 };
  for (int i = 0; i < threads; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, long_stack, NULL) != 0) abort();
  }
  while (atomic_load(&in_place) < threads) sched_yield();
}

int main(int argc, char **argv) {
  const char *word = argc > 1 ? argv[1] : "";
  if (dumpcollect_install(NULL) != 0) return 2;
  if (strcmp(word, "wild") == 0) start_wild();
  if (strcmp(word, "come and go") == 0) come_and_go();
  if (strcmp(word, "callers") == 0 && argc > 3) call_while_directory_changes(argv[2], argv[3]);
  if (strcmp(word, "change") == 0) change_thread_signal();
  if (strcmp(word, "pages") == 0) split_pages();
  if (strcmp(word, "crowd") == 0) ask_as_a_crowd();
  if (strcmp(word, "long stacks") == 0) start_long_stacks();
  // Without the privilege this is refused beyond RLIMIT_MEMLOCK, and changes nothing.
  if (strcmp(word, "lock") == 0 && mlockall(MCL_CURRENT) != 0) perror("mlockall");
  printf("ready\n");
  fflush(stdout);
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    printf("capture %d\n", dumpcollect_capture(NULL));
    fflush(stdout);
  }
  return 0;
}
