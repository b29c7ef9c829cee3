// The end of a process whose main thread called pthread_exit: it ends with its last thread, and that would be
// the collector, which never ends. So when the main thread goes, it leaves a thread behind that looks whether
// it is alone with the collector, and then calls exit(0), as libc does in the last thread. It must be one that
// shares the service's descriptors (stdio is flushed then), which the collector does not.
//
// Only the main thread itself can ask libc to be told of its end. Where another thread installs the handler, the
// thread that would be left behind is there from the beginning, and looks now and then.
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

// Z or X in /proc/self/task/PID/stat; the thread's name before it may hold any byte but is at most 15 long.
static int main_thread_has_ended(void) {
  char path[64] = "/proc/self/task/";
  size_t at = 16;
  char digits[12];
  int count = 0;
  for (uint32_t left = (uint32_t)dc_getpid(); left > 0; left /= 10) digits[count++] = (char)('0' + left % 10);
  while (count > 0) path[at++] = digits[--count];
  memcpy(path + at, "/stat", 6);
  int32_t file = (int32_t)dc_open_at(dc_no_directory(), path, dc_flags_read, 0);
  if (file < 0) return 0;
  char text[64];
  intptr_t length = dc_read(file, text, sizeof text);
  dc_close(file);
  intptr_t close = length - 1;
  while (close > 0 && text[close] != ')') close--;
  return close > 0 && close + 2 < length && (text[close + 2] == 'Z' || text[close + 2] == 'X');
}

static void become_guardian(dc_home *home) {
  __atomic_store_n(&home->guardian_tid, dc_gettid(), __ATOMIC_RELEASE);
  dc_futex_wake((uint32_t *)&home->guardian_tid);
  dc_name_thread("dumpcollect");
}

// From install to uninstall: without the handler no collector keeps the process alive, and then neither must we.
static void *watch(void *argument) {
  dc_home *home = dc_get_home();
  become_guardian(home);
  uint32_t round = (uint32_t)(uintptr_t)argument;
  while (__atomic_load_n(&home->guardian_round, __ATOMIC_ACQUIRE) == round) {
    if (main_thread_has_ended() && is_alone(home, dc_gettid())) exit(0);
    dc_futex_wait(&home->guardian_round, round, GLANCE_NS);
  }
  __atomic_store_n(&home->guardian_tid, 0, __ATOMIC_RELEASE);
  return NULL;
}

static void *guard(void *argument) {
  dc_home *home = argument;
  become_guardian(home);
  static const uint32_t never;
  while (!is_alone(home, dc_gettid())) dc_futex_wait(&never, 0, GLANCE_NS);
  exit(0);
}

static pthread_t watcher;
static int has_watcher;

static int start(void *(*body)(void *), void *argument, pthread_t *thread) {
  uint64_t mask = dc_set_mask(~0ull);
  int failure = pthread_create(thread, NULL, body, argument);
  dc_set_mask(mask);
  return failure;
}

// The destructor of a key whose value only the main thread has: libc calls it in pthread_exit, never in exit.
static void main_thread_ends(void *argument) {
  dc_home *home = argument;
  // A forked child's libc does not count its collector, and needs no help; nor does a disarmed process.
  if (!home->armed || home->arena->pid != dc_getpid() || home->arena->is_child || dc_gettid() != dc_getpid())
    return;
  pthread_t thread;
  if (start(guard, home, &thread) == 0) pthread_detach(thread);
}

static pthread_key_t key;
static int has_key;

void dc_guard_main_thread(void) {
  dc_home *home = dc_get_home();
  uint32_t round = __atomic_add_fetch(&home->guardian_round, 1, __ATOMIC_ACQ_REL);
  if (dc_gettid() == dc_getpid()) {
    if (!has_key) has_key = pthread_key_create(&key, main_thread_ends) == 0;
    if (has_key) pthread_setspecific(key, home);
  } else if (!has_key && start(watch, (void *)(uintptr_t)round, &watcher) == 0) {
    has_watcher = 1;
    // Captures leave it out: it has to be known before the first one.
    while (__atomic_load_n(&home->guardian_tid, __ATOMIC_ACQUIRE) == 0)
      dc_futex_wait((uint32_t *)&home->guardian_tid, 0, GLANCE_NS);
  }
}

void dc_leave_main_thread(void) {
  dc_home *home = dc_get_home();
  __atomic_add_fetch(&home->guardian_round, 1, __ATOMIC_ACQ_REL);
  dc_futex_wake(&home->guardian_round);
  // A forked child has none, and who ends the process itself must not wait for itself.
  if (has_watcher && home->arena && home->arena->pid == dc_getpid() && !home->arena->is_child &&
      home->guardian_tid != dc_gettid())
    pthread_join(watcher, NULL);
  has_watcher = 0;
}
