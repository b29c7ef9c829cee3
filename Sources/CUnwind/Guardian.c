// The end of a process whose main thread called pthread_exit: it ends with its last thread, and that would be
// the collector, which never ends. So when the main thread goes, it leaves a thread behind that looks whether
// it is alone with the collector, and then calls exit(0), as libc does in the last thread. It must be one that
// shares the service's descriptors (stdio is flushed then), which the collector does not.
#define _GNU_SOURCE
#include "SystemCalls.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// Half a second between two looks: nobody waits for the end of such a process with a stopwatch.
#define GLANCE_NS 500000000LL

static int is_alone(const dc_home *home, int32_t own) {
  int32_t tasks = (int32_t)dc_open_at(dc_no_directory(), "/proc/self/task", dc_flags_directory, 0);
  if (tasks < 0) return 0;
  char bytes[4096];
  int others = 0;
  intptr_t count;
  while ((count = dc_list_directory(tasks, bytes, sizeof bytes)) > 0) {
    for (intptr_t at = 0; at < count;) {
      uint16_t length;
      memcpy(&length, bytes + at + 16, 2);
      int32_t tid = 0;
      for (const char *digit = bytes + at + 19; *digit >= '0' && *digit <= '9'; digit++)
        tid = tid * 10 + (*digit - '0');
      if (tid > 0 && tid != own && tid != home->arena->pid && tid != home->arena->collector_tid) others++;
      at += length;
    }
  }
  dc_close(tasks);
  return count == 0 && others == 0;
}

static void *guard(void *argument) {
  dc_home *home = argument;
  int32_t own = dc_gettid();
  home->guardian_tid = own;
  dc_name_thread("dumpcollect");
  static const uint32_t never;
  while (!is_alone(home, own)) dc_futex_wait(&never, 0, GLANCE_NS);
  exit(0);
}

// The destructor of a key whose value only the main thread has: libc calls it in pthread_exit, never in exit.
static void main_thread_ends(void *argument) {
  dc_home *home = argument;
  // A forked child's libc does not count its collector, and needs no help; nor does a disarmed process.
  if (!home->armed || home->arena->pid != dc_getpid() || home->arena->is_child || dc_gettid() != dc_getpid())
    return;
  uint64_t mask = dc_set_mask(~0ull);
  pthread_t thread;
  if (pthread_create(&thread, NULL, guard, home) == 0) pthread_detach(thread);
  dc_set_mask(mask);
}

static pthread_key_t key;
static int has_key;

void dc_guard_main_thread(void) {
  if (dc_gettid() != dc_getpid()) return;
  if (!has_key) has_key = pthread_key_create(&key, main_thread_ends) == 0;
  if (has_key) pthread_setspecific(key, dc_get_home());
}
