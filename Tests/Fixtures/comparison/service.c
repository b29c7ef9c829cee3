// A service that grows, shrinks, blocks and works as its standard input says, for comparisons of its dumps.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dumpcollect.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { roles = 3, most = 4096 };
static sem_t ends[roles];
static atomic_int members[roles];

// Each role waits in a function of its own.
static void *alpha(void *role) { sem_wait(&ends[0]); atomic_fetch_sub(&members[0], 1); return role; }
static void *beta(void *role) { sem_wait(&ends[1]); atomic_fetch_sub(&members[1], 1); return role; }
static void *gamma_role(void *role) { sem_wait(&ends[2]); atomic_fetch_sub(&members[2], 1); return role; }
static void *(*const bodies[roles])(void *) = {alpha, beta, gamma_role};
static const char *const names[roles] = {"alpha", "beta", "gamma"};

static pthread_t start(void *(*body)(void *), const char *name) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, body, NULL) != 0) abort();
  pthread_setname_np(thread, name);
  pthread_detach(thread);
  return thread;
}

static void add(int role, int count) {
  for (int i = 0; i < count; i++) {
    atomic_fetch_add(&members[role], 1);
    start(bodies[role], names[role]);
  }
}

static void end(int role, int count) {
  int left = atomic_load(&members[role]) - count;
  for (int i = 0; i < count; i++) sem_post(&ends[role]);
  while (atomic_load(&members[role]) > left) usleep(200);
}

static int files[most], file_count;
static void open_files(int count) {
  for (int i = 0; i < count && file_count < most; i++) files[file_count++] = eventfd(0, 0);
}
static void close_files(int count) {
  for (int i = 0; i < count && file_count > 0; i++) close(files[--file_count]);
}

static int listener;
static struct sockaddr_in place;
static void connect_to_itself(int count) {
  for (int i = 0; i < count; i++) {
    int client = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(client, (struct sockaddr *)&place, sizeof place) != 0) abort();
    if (accept(listener, NULL, NULL) < 0) abort();
  }
}

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static void *holder(void *none) {
  pthread_mutex_lock(&held);
  for (;;) pause();
  return none;
}
static void *blocked(void *none) {
  pthread_mutex_lock(&held);
  return none;
}

static sem_t work, worked;
static atomic_int work_ms;
static void *worker(void *none) {
  for (;;) {
    sem_wait(&work);
    struct timespec now;
    long long limit = atomic_load(&work_ms) * 1000000LL;
    do clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    while (now.tv_sec * 1000000000LL + now.tv_nsec < limit);
    sem_post(&worked);
  }
  return none;
}

// What goes on by itself: a leak of one thread and one file each time, or a wave up and down.
static atomic_int leak_ms, wave_ms, wave_height;
static void *leaking(void *none) {
  for (;;) {
    usleep(atomic_load(&leak_ms) * 1000);
    add(2, 1);
    open_files(1);
  }
  return none;
}
static void *waving(void *none) {
  int height = atomic_load(&wave_height), level = 0, direction = 1;
  for (;;) {
    usleep(atomic_load(&wave_ms) * 1000);
    if (direction > 0) { add(1, 1); open_files(1); } else { end(1, 1); close_files(1); }
    level += direction;
    if (level == height) direction = -1;
    if (level == 0) direction = 1;
  }
  return none;
}

int main(void) {
  // Whoever starts this may have blocked signals, as libdispatch's threads do.
  sigset_t set;
  sigemptyset(&set);
  pthread_sigmask(SIG_SETMASK, &set, NULL);
  for (int i = 0; i < roles; i++) sem_init(&ends[i], 0, 0);
  sem_init(&work, 0, 0);
  sem_init(&worked, 0, 0);
  listener = socket(AF_INET, SOCK_STREAM, 0);
  place.sin_family = AF_INET;
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof place;
  if (bind(listener, (struct sockaddr *)&place, size) != 0 || listen(listener, 64) != 0) abort();
  getsockname(listener, (struct sockaddr *)&place, &size);
  start(worker, "worker");
  int result = dumpcollect_install(NULL);
  printf("ready %d\n", result);
  fflush(stdout);
  char line[128], verb[32];
  while (fgets(line, sizeof line, stdin)) {
    int count = 0, role = 0;
    if (sscanf(line, "%31s %d %d", verb, &count, &role) < 1 || role < 0 || role >= roles) continue;
    if (!strcmp(verb, "add")) add(role, count);
    if (!strcmp(verb, "end")) end(role, count);
    if (!strcmp(verb, "open")) open_files(count);
    if (!strcmp(verb, "close")) close_files(count);
    if (!strcmp(verb, "connect")) connect_to_itself(count);
    if (!strcmp(verb, "note")) dumpcollect_note("somebody asked for a note");
    if (!strcmp(verb, "lock")) {
      start(holder, "holder");
      while (pthread_mutex_trylock(&held) == 0) { pthread_mutex_unlock(&held); usleep(200); }
      for (int i = 0; i < count; i++) start(blocked, "blocked");
    }
    if (!strcmp(verb, "work")) {
      atomic_fetch_add(&work_ms, count);
      sem_post(&work);
      sem_wait(&worked);
    }
    if (!strcmp(verb, "leak")) {
      atomic_store(&leak_ms, count);
      start(leaking, "leaking");
    }
    if (!strcmp(verb, "wave")) {
      atomic_store(&wave_ms, count);
      atomic_store(&wave_height, 8);
      start(waving, "waving");
    }
    printf("done\n");
    fflush(stdout);
  }
  return 0;
}
