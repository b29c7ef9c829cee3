// Threads that wait for locks of every kind, in a way that the first argument names. Each thread's name says what it
// waits for; "owner" holds them. Prints "ready" when all are about to wait, and then answers nothing.
#define _GNU_SOURCE
#include <dumpcollect.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

pthread_mutex_t g_normal = PTHREAD_MUTEX_INITIALIZER, g_recursive, g_checking, g_robust, g_inheriting, g_adaptive;
pthread_mutex_t g_timed = PTHREAD_MUTEX_INITIALIZER, g_dead = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t g_array[8], *g_heap;
pthread_rwlock_t g_written = PTHREAD_RWLOCK_INITIALIZER, g_read = PTHREAD_RWLOCK_INITIALIZER;
pthread_rwlock_t g_preferring = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
pthread_cond_t g_condition = PTHREAD_COND_INITIALIZER, g_reacquiring = PTHREAD_COND_INITIALIZER;
pthread_mutex_t g_of_condition = PTHREAD_MUTEX_INITIALIZER, g_taken_back = PTHREAD_MUTEX_INITIALIZER;
pthread_once_t g_once = PTHREAD_ONCE_INIT;
sem_t g_semaphore;
pthread_t owner;
// What lies beside a lock is nobody's business.
static struct {
  char before[12];
  unsigned word;
  char behind[28];
} g_secret = {"passphrase:", 1, "correct horse battery stapl"};
static atomic_int begun, has_owner, is_waiting;

static pthread_t start(const char *name, void *(*body)(void *), void *argument) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, body, argument) != 0) _exit(3);
  pthread_setname_np(thread, name);
  return thread;
}

static void sleep_for_ever(void) {
  for (;;) pause();
}

static void spin_until(atomic_int *counter, int value) {
  while (atomic_load(counter) < value) usleep(1000);
}

static void make(pthread_mutex_t *mutex, int type, int robust, int protocol) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, type);
  pthread_mutexattr_setrobust(&attributes, robust);
  pthread_mutexattr_setprotocol(&attributes, protocol);
  if (pthread_mutex_init(mutex, &attributes) != 0) _exit(4);
}

static void *hold_all(void *argument) {
  (void)argument;
  pthread_mutex_t *all[] = {&g_normal, &g_recursive, &g_recursive, &g_checking, &g_robust, &g_inheriting,
                            &g_adaptive, &g_timed, &g_array[3], g_heap, &g_taken_back};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (pthread_mutex_lock(all[i]) != 0) _exit(5);
  pthread_rwlock_wrlock(&g_written);
  pthread_rwlock_rdlock(&g_read);
  pthread_rwlock_rdlock(&g_preferring);
  atomic_fetch_add(&has_owner, 1);
  sleep_for_ever();
  return NULL;
}

static void *hold_for_reading(void *argument) {
  (void)argument;
  pthread_rwlock_rdlock(&g_read);
  atomic_fetch_add(&has_owner, 1);
  sleep_for_ever();
  return NULL;
}

static void *die_holding(void *argument) {
  (void)argument;
  pthread_mutex_lock(&g_dead);
  return NULL;
}

static void run_once(void) {
  atomic_fetch_add(&has_owner, 1);
  sleep_for_ever();
}

static void *once_first(void *argument) {
  (void)argument;
  pthread_once(&g_once, run_once);
  return NULL;
}

static void *wait_for(void *argument) {
  const char *what = argument;
  struct timespec far = {time(NULL) + 100000, 0};
  atomic_fetch_add(&begun, 1);
  if (!strcmp(what, "normal")) pthread_mutex_lock(&g_normal);
  if (!strcmp(what, "recursive")) pthread_mutex_lock(&g_recursive);
  if (!strcmp(what, "checking")) pthread_mutex_lock(&g_checking);
  if (!strcmp(what, "robust")) pthread_mutex_lock(&g_robust);
  if (!strcmp(what, "inheriting")) pthread_mutex_lock(&g_inheriting);
  if (!strcmp(what, "adaptive")) pthread_mutex_lock(&g_adaptive);
  if (!strcmp(what, "timed")) pthread_mutex_timedlock(&g_timed, &far);
  if (!strcmp(what, "dead")) pthread_mutex_lock(&g_dead);
  if (!strcmp(what, "array")) pthread_mutex_lock(&g_array[3]);
  if (!strcmp(what, "heap")) pthread_mutex_lock(g_heap);
  if (!strcmp(what, "read written")) pthread_rwlock_rdlock(&g_written);
  if (!strcmp(what, "write written")) pthread_rwlock_wrlock(&g_written);
  if (!strcmp(what, "write read")) pthread_rwlock_wrlock(&g_read);
  if (!strcmp(what, "write behind")) pthread_rwlock_wrlock(&g_read);
  if (!strcmp(what, "write prefer")) pthread_rwlock_wrlock(&g_preferring);
  if (!strcmp(what, "read prefer")) pthread_rwlock_rdlock(&g_preferring);
  if (!strcmp(what, "condition")) {
    pthread_mutex_lock(&g_of_condition);
    for (;;) pthread_cond_wait(&g_condition, &g_of_condition);
  }
  if (!strcmp(what, "taken back")) {
    // The owner takes the mutex as soon as the wait gives it back, and then the wait's time is over.
    struct timespec soon;
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_sec += 1;
    pthread_mutex_lock(&g_taken_back);
    atomic_fetch_add(&is_waiting, 1);
    pthread_cond_timedwait(&g_reacquiring, &g_taken_back, &soon);
  }
  if (!strcmp(what, "secret")) syscall(SYS_futex, &g_secret.word, FUTEX_WAIT, 1, NULL, NULL, 0);
  if (!strcmp(what, "semaphore")) sem_wait(&g_semaphore);
  if (!strcmp(what, "join")) pthread_join(owner, NULL);
  if (!strcmp(what, "once")) pthread_once(&g_once, run_once);
  sleep_for_ever();
  return NULL;
}

static void wait_for_all_kinds(void) {
  make(&g_recursive, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
  make(&g_checking, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
  make(&g_robust, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE);
  make(&g_inheriting, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT);
  make(&g_adaptive, PTHREAD_MUTEX_ADAPTIVE_NP, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
  for (int i = 0; i < 8; i++) pthread_mutex_init(&g_array[i], NULL);
  g_heap = malloc(sizeof *g_heap);
  pthread_mutex_init(g_heap, NULL);
  sem_init(&g_semaphore, 0, 0);
  start("taken back", wait_for, "taken back");
  spin_until(&is_waiting, 1);
  owner = start("owner", hold_all, NULL);
  start("reader", hold_for_reading, NULL);
  start("first once", once_first, NULL);
  pthread_join(start("dying", die_holding, NULL), NULL);
  spin_until(&has_owner, 3);
  static const char *const kinds[] = {
      "normal", "recursive", "checking", "robust", "inheriting", "adaptive", "timed", "dead", "array", "heap",
      "read written", "write written", "write read", "condition", "semaphore", "join", "once",
      "write prefer", "secret"};
  int count = sizeof kinds / sizeof *kinds;
  for (int i = 0; i < count; i++) start(kinds[i], wait_for, (void *)kinds[i]);
  spin_until(&begun, count + 1);
  usleep(100000);
  // Behind a writer that waits already.
  start("write behind", wait_for, "write behind");
  start("read prefer", wait_for, "read prefer");
  spin_until(&begun, count + 3);
  // The time of "taken back" is over then.
  usleep(1200000);
}

// MARK: Circles

static pthread_mutex_t g_ring[8];
static atomic_int locked;

struct link {
  pthread_mutex_t *own, *other;
  int count, isTimed;
};

static void *close_ring(void *argument) {
  struct link *link = argument;
  pthread_mutex_lock(link->own);
  atomic_fetch_add(&locked, 1);
  spin_until(&locked, link->count);
  struct timespec far = {time(NULL) + 100000, 0};
  if (link->isTimed) pthread_mutex_timedlock(link->other, &far);
  pthread_mutex_lock(link->other);
  return NULL;
}

static void *take_first(void *argument) {
  pthread_mutex_lock(argument);
  return NULL;
}

/// Of `timed` threads the wait has a limit of time.
static void make_ring(int count, int behind, int timed) {
  static struct link links[8];
  for (int i = 0; i < count; i++) {
    char name[16];
    snprintf(name, sizeof name, "ring %d", i);
    links[i] = (struct link){&g_ring[i], &g_ring[(i + 1) % count], count, i < timed};
    pthread_mutex_init(&g_ring[i], NULL);
    start(name, close_ring, &links[i]);
  }
  spin_until(&locked, count);
  for (int i = 0; i < behind; i++) start("behind", take_first, &g_ring[0]);
}

static void *lock_twice(void *argument) {
  (void)argument;
  pthread_mutex_lock(&g_normal);
  pthread_mutex_lock(&g_normal);
  return NULL;
}

static void *hold_and_join(void *argument) {
  (void)argument;
  pthread_mutex_lock(&g_normal);
  pthread_t other = start("joined", take_first, &g_normal);
  pthread_join(other, NULL);
  return NULL;
}

static void *write_then_lock(void *argument) {
  (void)argument;
  pthread_rwlock_wrlock(&g_written);
  atomic_fetch_add(&locked, 1);
  spin_until(&locked, 2);
  pthread_mutex_lock(&g_inheriting);
  return NULL;
}

static void *lock_then_read(void *argument) {
  (void)argument;
  pthread_mutex_lock(&g_inheriting);
  atomic_fetch_add(&locked, 1);
  spin_until(&locked, 2);
  pthread_rwlock_rdlock(&g_written);
  return NULL;
}

static void *hold_and_sleep(void *argument) {
  pthread_mutex_lock(argument);
  atomic_fetch_add(&locked, 1);
  sleep_for_ever();
  return NULL;
}

// MARK: Locks that are taken and given back all the time, always in the same order

static void *churn(void *argument) {
  unsigned seed = (unsigned)(size_t)argument;
  for (;;) {
    int first = rand_r(&seed) % 6, second = first + 1 + rand_r(&seed) % (7 - first);
    pthread_mutex_lock(&g_ring[first]);
    if (rand_r(&seed) % 4 == 0) sched_yield();
    pthread_mutex_lock(&g_ring[second]);
    pthread_rwlock_rdlock(&g_read);
    pthread_rwlock_unlock(&g_read);
    if (rand_r(&seed) % 16 == 0) usleep(50);
    pthread_mutex_unlock(&g_ring[second]);
    pthread_mutex_unlock(&g_ring[first]);
    if (rand_r(&seed) % 8 == 0) {
      pthread_rwlock_wrlock(&g_read);
      pthread_rwlock_unlock(&g_read);
    }
    atomic_fetch_add(&begun, 1);
  }
  return NULL;
}

int main(int count, char **arguments) {
  if (count < 2 || dumpcollect_install(NULL) != 0) return 2;
  const char *what = arguments[1];
  if (!strcmp(what, "kinds")) {
    wait_for_all_kinds();
  } else if (!strcmp(what, "two")) {
    make_ring(2, 3, 0);
  } else if (!strcmp(what, "three")) {
    make_ring(3, 0, 0);
  } else if (!strcmp(what, "timed")) {
    make_ring(3, 0, 1);
  } else if (!strcmp(what, "twice")) {
    start("twice", lock_twice, NULL);
  } else if (!strcmp(what, "join")) {
    start("joining", hold_and_join, NULL);
  } else if (!strcmp(what, "mixed")) {
    make(&g_inheriting, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT);
    start("writing", write_then_lock, NULL);
    start("inheriting", lock_then_read, NULL);
  } else if (!strcmp(what, "contention")) {
    start("holder", hold_and_sleep, &g_normal);
    spin_until(&locked, 1);
    for (int i = 0; i < 50; i++) start("contender", take_first, &g_normal);
  } else if (!strcmp(what, "crowd")) {
    // More on one lock of the heap than names are looked for, and then one on a lock that has a name.
    g_heap = malloc(sizeof *g_heap);
    pthread_mutex_init(g_heap, NULL);
    pthread_mutex_lock(g_heap);
    pthread_mutex_lock(&g_normal);
    for (int i = 0; i < 300; i++) start("contender", take_first, g_heap);
    start("last", take_first, &g_normal);
  } else if (!strcmp(what, "churn")) {
    for (int i = 0; i < 8; i++) make(&g_ring[i], i & 1 ? PTHREAD_MUTEX_ERRORCHECK : PTHREAD_MUTEX_NORMAL,
                                     PTHREAD_MUTEX_STALLED, i & 2 ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE);
    for (size_t i = 1; i <= 12; i++) start("churner", churn, (void *)i);
    spin_until(&begun, 1000);
  }
  puts("ready");
  fflush(stdout);
  char line[16];
  if (fgets(line, sizeof line, stdin) && !strcmp(line, "abort\n")) abort();
  _exit(0);
}
