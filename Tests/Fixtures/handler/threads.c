// Threads with alternate signal stacks: answers on standard output what it finds of them.
#define _GNU_SOURCE
#include <dumpcollect.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

static stack_t current(void) {
  stack_t stack;
  sigaltstack(NULL, &stack);
  return stack;
}

// The permissions of the page at an address, "gone" where none is mapped.
static void permissions(uintptr_t address, char text[8]) {
  strcpy(text, "gone");
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[512];
  while (fgets(line, sizeof line, maps)) {
    unsigned long from, to;
    char found[8];
    if (sscanf(line, "%lx-%lx %4s", &from, &to, found) == 3 && from <= address && address < to) strcpy(text, found);
  }
  fclose(maps);
}

static int mappings(void) {
  FILE *maps = fopen("/proc/self/maps", "r");
  int count = 0;
  for (int byte; (byte = fgetc(maps)) != EOF;) count += byte == '\n';
  fclose(maps);
  return count;
}

static void *attach(void *argument) {
  (void)argument;
  int had = !(current().ss_flags & SS_DISABLE);
  int attached = dumpcollect_thread_attach();
  stack_t own = current();
  char guard[8], body[8];
  permissions((uintptr_t)own.ss_sp - 1, guard);
  permissions((uintptr_t)own.ss_sp, body);
  int again = dumpcollect_thread_attach();
  int same = current().ss_sp == own.ss_sp;
  int detached = dumpcollect_thread_detach();
  char after[8];
  permissions((uintptr_t)own.ss_sp, after);
  printf("had %d attach %d room %lu guard %s body %s again %d same %d detach %d disabled %d after %s\n", had, attached,
         own.ss_size - getauxval(AT_MINSIGSTKSZ), guard, body, again, same, detached, (current().ss_flags & SS_DISABLE) != 0, after);
  return NULL;
}

static void *keep(void *argument) {
  stack_t own = {.ss_sp = argument, .ss_size = 65536};
  sigaltstack(&own, NULL);
  int attached = dumpcollect_thread_attach();
  int kept = current().ss_sp == argument;
  int detached = dumpcollect_thread_detach();
  printf("attach %d kept %d detach %d kept %d\n", attached, kept, detached, current().ss_sp == argument);
  own.ss_flags = SS_DISABLE;
  sigaltstack(&own, NULL);
  return NULL;
}

static void *attach_only(void *argument) {
  if (dumpcollect_thread_attach() != 0) abort();
  return argument;
}

static void *attach_and_fork(void *argument) {
  dumpcollect_thread_attach();
  pid_t child = fork();
  // The child's only thread ends by libc's way: its destructors run in it.
  if (child == 0) pthread_exit(argument);
  int status = 0;
  waitpid(child, &status, 0);
  printf("child %d\n", status);
  return NULL;
}

static void on_signal(int signal) {
  // Where a handler must not give back what it runs on.
  printf("signal %d on %d detach %d\n", signal, (current().ss_flags & SS_ONSTACK) != 0, dumpcollect_thread_detach());
}

static void *detach_in_handler(void *argument) {
  dumpcollect_thread_attach();
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
  sigaction(SIGUSR1, &action, NULL);
  pthread_kill(pthread_self(), SIGUSR1);
  return argument;
}

static void run(void *(*body)(void *), void *argument) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, body, argument) != 0) abort();
  pthread_join(thread, NULL);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("before %d\n", dumpcollect_thread_attach());
  if (dumpcollect_install(NULL) != 0) return 1;
  puts("ready");
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    if (!strcmp(line, "attach")) run(attach, NULL);
    if (!strcmp(line, "keep")) {
      void *memory = malloc(65536);
      run(keep, memory);
      free(memory);
    }
    if (!strcmp(line, "end")) {
      run(attach_only, NULL);
      int before = mappings();
      for (int i = 0; i < 300; i++) run(attach_only, NULL);
      printf("growth %d\n", mappings() - before);
    }
    if (!strcmp(line, "fork")) run(attach_and_fork, NULL);
    if (!strcmp(line, "handler")) run(detach_in_handler, NULL);
  }
  return 0;
}
