// A service with watchdogs, which does what lines on standard input say and answers each.
#define _GNU_SOURCE
#include <dumpcollect.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void rest(int milliseconds) {
  struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
  while (nanosleep(&left, &left) != 0) continue;
}

static void *tick_once(void *id) {
  dumpcollect_watchdog_tick((int)(intptr_t)id);
  return NULL;
}

// A child stops this process and lets it go on after so long.
static void be_stopped(int milliseconds) {
  pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) {
    kill(parent, SIGSTOP);
    rest(milliseconds);
    kill(parent, SIGCONT);
    _exit(0);
  }
  waitpid(child, NULL, 0);
}

static void answer_to(char *line) {
  char name[128] = "";
  int id = 0, number = 0, length = 0;
  if (sscanf(line, "begin %127s %d", name, &number) == 2) {
    printf("id %d\n", dumpcollect_watchdog_begin(name, number));
  } else if (sscanf(line, "tick %d", &id) == 1) {
    pthread_t thread;
    // From another thread than the one that began it.
    if (pthread_create(&thread, NULL, tick_once, (void *)(intptr_t)id) != 0) abort();
    pthread_join(thread, NULL);
    printf("ticked\n");
  } else if (sscanf(line, "end %d", &id) == 1) {
    printf("end %d\n", dumpcollect_watchdog_end(id));
  } else if (sscanf(line, "loop %d %d %d", &id, &number, &length) == 3) {
    for (int i = 0; i < number; i++) {
      dumpcollect_watchdog_tick(id);
      rest(length);
    }
    printf("looped\n");
  } else if (sscanf(line, "rest %d", &length) == 1) {
    rest(length);
    printf("rested\n");
  } else if (sscanf(line, "stop %d %d", &id, &length) == 2) {
    // The collector has seen the tick before the stop, and looks again before the next one.
    dumpcollect_watchdog_tick(id);
    rest(length / 9);
    be_stopped(length);
    rest(length / 16);
    printf("continued\n");
  } else if (strcmp(line, "bad\n") == 0) {
    static const int ids[] = {0, -1, 1, 127, 128, 129, INT_MAX, INT_MIN, 0x40000080};
    int refused = 0;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
      dumpcollect_watchdog_tick(ids[i]);
      refused += dumpcollect_watchdog_end(ids[i]) == -22;
    }
    printf("refused %d of %zu, %d, %d, %d\n", refused, sizeof ids / sizeof *ids,
           dumpcollect_watchdog_begin(NULL, 1000), dumpcollect_watchdog_begin("", 1000),
           dumpcollect_watchdog_begin("short", 9));
  } else if (strcmp(line, "fill\n") == 0) {
    int ids[1000], count = 0;
    while ((ids[count] = dumpcollect_watchdog_begin("one of many", 86400000)) > 0) count++;
    int result = ids[count];
    for (int i = 0; i < count; i++) number += dumpcollect_watchdog_end(ids[i]) == 0;
    printf("begun %d, then %d, ended %d\n", count, result, number);
  } else if (sscanf(line, "fork %d", &number) == 1) {
    pid_t child = fork();
    if (child == 0) {
      int own = number > 0 ? dumpcollect_watchdog_begin("child", number) : 0;
      printf("child %d %d\n", own, (int)getpid());
      fflush(stdout);
      for (;;) pause();
    }
    return;
  } else {
    printf("what?\n");
  }
  fflush(stdout);
}

int main(void) {
  if (dumpcollect_watchdog_begin("early", 1000) != -107) return 2;
  if (dumpcollect_install(NULL) != 0) return 1;
  puts("ready");
  fflush(stdout);
  char line[256];
  while (fgets(line, sizeof line, stdin)) answer_to(line);
  return 0;
}
