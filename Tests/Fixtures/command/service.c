// A service with the handler that does on its standard input's word what makes a dump hard.
#define _GNU_SOURCE
#include <dumpcollect.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static void *idle(void *name) {
  pthread_setname_np(pthread_self(), name);
  for (;;) pause();
  return NULL;
}

static void say(const char *word, int number) {
  printf("%s %d\n", word, number);
  fflush(stdout);
}

int main(int count, char **arguments) {
  (void)count;
  // Whoever starts this may have blocked signals, as libdispatch's threads do.
  sigset_t set;
  sigemptyset(&set);
  pthread_sigmask(SIG_SETMASK, &set, NULL);
  int result = dumpcollect_install(NULL);
  pthread_t thread;
  pthread_create(&thread, NULL, idle, "idle-1");
  pthread_create(&thread, NULL, idle, "idle-2");
  if (arguments[1]) prctl(PR_SET_NAME, arguments[1]);
  say("ready", result);
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    if (!strcmp(line, "default")) {
      signal(SIGQUIT, SIG_DFL);
    } else if (!strcmp(line, "uninstall")) {
      dumpcollect_uninstall();
    } else if (!strcmp(line, "fork")) {
      int child = fork();
      if (child == 0) {
        prctl(PR_SET_NAME, "forked");
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) pause();
      }
      say("child", child);
    } else if (!strcmp(line, "block")) {
      sigaddset(&set, SIGQUIT);
      pthread_sigmask(SIG_SETMASK, &set, NULL);
    } else if (!strcmp(line, "leave")) {
      say("done", 0);
      pthread_exit(NULL);
    }
    say("done", 0);
  }
  return 0;
}
