// Threads with alternate signal stacks: answers on standard output what it finds of them.
#define _GNU_SOURCE
#include <dumpcollect.h>
#include <pthread.h>
#include <signal.h>
#include <limits.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <threads.h>
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
  printf("had %d attach %d room %lu guard %s body %s again %d same %d detach %d disabled %d\n", had, attached,
         own.ss_size - getauxval(AT_MINSIGSTKSZ), guard, body, again, same, detached, (current().ss_flags & SS_DISABLE) != 0);
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

// Of threads whose program was linked with libdumpcollect-threads.

static void *look(void *argument) {
  stack_t own = current();
  char guard[8];
  permissions((uintptr_t)own.ss_sp - 1, guard);
  printf("has %d guard %s\n", !(own.ss_flags & SS_DISABLE), guard);
  if (argument) sem_post(argument);
  return (void *)(intptr_t)4711;
}

static void *wait_for_ever(void *argument) {
  sem_post(argument);
  for (;;) pause();
  return NULL;
}

static int look_c11(void *argument) {
  look(argument);
  return -7;
}

__attribute__((noipa)) static int overflow(int depth) {
  volatile char room[1000];
  room[0] = (char)depth;
  return (depth < 1 << 30 ? overflow(depth + 1) : 0) + room[0];
}
static void *dig(void *is_attached) {
  pthread_setname_np(pthread_self(), "digger");
  if (is_attached && dumpcollect_thread_attach() != 0) abort();
  return (void *)(intptr_t)overflow(0);
}

static void *nothing(void *argument) { return argument; }

static void make_small_and_detached(void) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  sem_t done;
  sem_init(&done, 0, 0);
  pthread_t thread;
  if (pthread_create(&thread, &attributes, look, &done) != 0) abort();
  sem_wait(&done);
  pthread_attr_destroy(&attributes);
}

static void cancel(void) {
  sem_t there;
  sem_init(&there, 0, 0);
  pthread_t thread;
  void *value = NULL;
  if (pthread_create(&thread, NULL, wait_for_ever, &there) != 0) abort();
  sem_wait(&there);
  pthread_cancel(thread);
  pthread_join(thread, &value);
  printf("cancelled %d\n", value == PTHREAD_CANCELED);
}

static void refuse(void) {
  // A stack on an address that is none: libc makes no thread, and nothing of ours is left over.
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, (size_t)1 << 46);
  pthread_t thread;
  int before = mappings(), failure = 0;
  for (int i = 0; i < 100; i++) failure = pthread_create(&thread, &attributes, look, NULL);
  printf("refused %d growth %d\n", failure, mappings() - before);
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
    if (!strcmp(line, "made")) run(look, NULL);
    if (!strcmp(line, "overflow")) run(dig, NULL);
    if (!strcmp(line, "attached overflow")) run(dig, (void *)1);
    if (!strcmp(line, "detached")) make_small_and_detached();
    if (!strcmp(line, "cancel")) cancel();
    if (!strcmp(line, "refuse")) refuse();
    if (!strcmp(line, "c11")) {
      thrd_t thread;
      int value = 0;
      if (thrd_create(&thread, look_c11, NULL) != thrd_success) abort();
      thrd_join(thread, &value);
      printf("value %d\n", value);
    }
    if (!strcmp(line, "many")) {
      // 64 stacks, of two mappings each, are kept for threads to come; 900 left behind would be 1800.
      enum { count = 300 };
      static pthread_t threads[count];
      int before = 0;
      for (int round = 0; round < 3; round++) {
        for (int i = 0; i < count; i++)
          if (pthread_create(&threads[i], NULL, nothing, NULL) != 0) abort();
        for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
        if (round == 0) before = mappings();
      }
      printf("growth below 200: %d\n", mappings() - before < 200);
    }
    if (!strcmp(line, "value")) {
      pthread_t thread;
      void *value = NULL;
      if (pthread_create(&thread, NULL, look, NULL) != 0) abort();
      pthread_join(thread, &value);
      printf("value %d\n", (int)(intptr_t)value);
    }
    if (!strcmp(line, "fork")) run(attach_and_fork, NULL);
    if (!strcmp(line, "handler")) run(detach_in_handler, NULL);
  }
  return 0;
}
