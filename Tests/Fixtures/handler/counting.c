// Counts calls of the allocator and of pthread_mutex_lock that the handler's code makes: on the collector's thread,
// or in a thread while it is in our thread signal's action. Busy threads call both all the time, so that the
// signal finds them in the middle.
#define _GNU_SOURCE
#include <dumpcollect.h>
#include <dirent.h>
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void __libc_free(void *);

static atomic_int collector;
static atomic_int watching;
static atomic_ulong all, ours, of_libunwind;

// The action of the thread signal has nearly every signal blocked; the threads here block none.
static int is_in_action(void) {
  uint64_t mask = 0;
  syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, 8);
  return (mask & (1ull << (SIGUSR2 - 1))) != 0;
}
// libunwind takes a lock of its own around its cache; only the collector ever does.
static int is_of_libunwind(void *caller) {
  struct dl_find_object found;
  return _dl_find_object(caller, &found) == 0 && strstr(found.dlfo_link_map->l_name, "/libunwind") != NULL;
}
static void count(void *caller, int is_lock) {
  if (!atomic_load_explicit(&watching, memory_order_relaxed)) return;
  atomic_fetch_add_explicit(&all, 1, memory_order_relaxed);
  int is_collectors = syscall(SYS_gettid) == atomic_load(&collector);
  if (is_collectors && is_lock && is_of_libunwind(caller))
    atomic_fetch_add(&of_libunwind, 1);
  else if (is_collectors || is_in_action())
    atomic_fetch_add(&ours, 1);
}
#define COUNT(is_lock) count(__builtin_return_address(0), is_lock)
void *malloc(size_t size) {
  COUNT(0);
  return __libc_malloc(size);
}
void *calloc(size_t number, size_t size) {
  COUNT(0);
  return __libc_calloc(number, size);
}
void *realloc(void *memory, size_t size) {
  COUNT(0);
  return __libc_realloc(memory, size);
}
void free(void *memory) {
  COUNT(0);
  __libc_free(memory);
}
static int (*real_lock)(pthread_mutex_t *);
int pthread_mutex_lock(pthread_mutex_t *mutex) {
  COUNT(1);
  if (!real_lock) real_lock = (int (*)(pthread_mutex_t *))(uintptr_t)dlsym(RTLD_NEXT, "pthread_mutex_lock");
  return real_lock(mutex);
}

static pthread_mutex_t shared = PTHREAD_MUTEX_INITIALIZER;
static void *busy(void *argument) {
  void *volatile kept = NULL;
  for (size_t size = 16;; size = size < 200000 ? size * 2 : 16) {
    pthread_mutex_lock(&shared);
    kept = realloc(kept, size);
    pthread_mutex_unlock(&shared);
    free(malloc(size));
  }
  return argument;
}

static int find_collector(void) {
  int found = 0;
  DIR *tasks = opendir("/proc/self/task");
  for (struct dirent *entry; tasks && (entry = readdir(tasks));) {
    char path[300], name[32] = "";
    snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
    FILE *file = fopen(path, "r");
    if (file && fgets(name, sizeof name, file) && strcmp(name, "dumpcollect\n") == 0) found = atoi(entry->d_name);
    if (file) fclose(file);
  }
  if (tasks) closedir(tasks);
  return found;
}

// Proves that the count sees what it is to see.
static unsigned long count_one_in_an_action(void) {
  unsigned long before = atomic_load(&ours);
  sigset_t every, old;
  sigfillset(&every);
  pthread_sigmask(SIG_SETMASK, &every, &old);
  free(malloc(1));
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return atomic_load(&ours) - before;
}

int main(void) {
  if (dumpcollect_install(NULL) != 0) return 2;
  for (int i = 0; i < 3; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, busy, NULL) != 0) return 2;
  }
  atomic_store(&collector, find_collector());
  if (atomic_load(&collector) == 0) return 3;
  atomic_store(&watching, 1);
  printf("ready\n");
  fflush(stdout);
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    if (strcmp(line, "prove\n") == 0)
      printf("proved %lu\n", count_one_in_an_action());
    else if (strcmp(line, "all\n") == 0)
      printf("all %lu\n", atomic_load(&all));
    else if (strcmp(line, "libunwind\n") == 0)
      printf("libunwind %lu\n", atomic_load(&of_libunwind));
    else
      printf("ours %lu\n", atomic_load(&ours));
    fflush(stdout);
  }
  return 0;
}
