#define _GNU_SOURCE
#include "CDemangle.h"

#include <errno.h>
#include <libiberty/demangle.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

// libswiftCore.
char *swift_demangle(const char *name, size_t length, char *output, size_t *output_size, unsigned flags);
char *_swift_backtrace_demangle(const char *name, size_t length, char *output, size_t *output_size);

// Names up to here are safe on any thread's stack; libiberty has a limit of its own for them.
enum { ordinary_length = 1024, large_stack = 256 << 20 };

typedef struct {
  const char *name;
  size_t count;
  int simplified;
  cdemangle_text *text;
  int (*work)(const char *name, size_t count, int simplified, cdemangle_text *text);
  int status;
} job;

static int append(cdemangle_text *text, const char *bytes, size_t count) {
  if (count > CDEMANGLE_LIMIT - text->count) return 0;
  if (count > text->capacity - text->count) {
    size_t capacity = text->capacity == 0 ? 4096 : text->capacity;
    while (capacity - text->count < count) capacity *= 2;
    char *larger = realloc(text->bytes, capacity);
    if (larger == NULL) return 0;
    text->bytes = larger;
    text->capacity = capacity;
  }
  memcpy(text->bytes + text->count, bytes, count);
  text->count += count;
  return 1;
}

void cdemangle_release(cdemangle_text *text) {
  free(text->bytes);
  *text = (cdemangle_text){0};
}

// MARK: libiberty

typedef struct {
  cdemangle_text *text;
  jmp_buf stop;
} sink;

// libiberty cannot be told to stop, but its C++ demangler holds no memory while it prints, so it can be left.
static void receive(const char *bytes, size_t count, void *opaque) {
  sink *target = opaque;
  if (!append(target->text, bytes, count)) longjmp(target->stop, 1);
}

static int libiberty(int (*demangle)(const char *, int, demangle_callbackref, void *), int options,
                     const char *name, size_t count, cdemangle_text *text) {
  sink target = {.text = text};
  text->count = 0;
  if (count > ordinary_length) options |= DMGL_NO_RECURSE_LIMIT;
  if (setjmp(target.stop) != 0) return CDEMANGLE_REFUSED;
  return demangle(name, options, receive, &target) ? CDEMANGLE_DONE : CDEMANGLE_FOREIGN;
}

static int work_cxx(const char *name, size_t count, int simplified, cdemangle_text *text) {
  (void)simplified;
  return libiberty(cplus_demangle_v3_callback, DMGL_PARAMS | DMGL_ANSI, name, count, text);
}

static int work_rust(const char *name, size_t count, int simplified, cdemangle_text *text) {
  (void)simplified;
  // Its recursion is bounded by itself; without the option it still is.
  return libiberty(rust_demangle_callback, DMGL_PARAMS | DMGL_ANSI, name, count, text);
}

// MARK: Swift

static int work_swift(const char *name, size_t count, int simplified, cdemangle_text *text) {
  text->count = 0;
  size_t size = 0;
  char *result = simplified ? _swift_backtrace_demangle(name, count, NULL, &size)
                            : swift_demangle(name, count, NULL, NULL, 0);
  if (result == NULL) return CDEMANGLE_FOREIGN;
  int fits = append(text, result, strlen(result));
  free(result);
  return fits ? CDEMANGLE_DONE : CDEMANGLE_REFUSED;
}

typedef struct {
  volatile int status;
  volatile size_t count;
  char bytes[CDEMANGLE_LIMIT];
} shared_result;

static void child(const char *name, size_t count, int simplified, shared_result *result) {
  struct rlimit time = {.rlim_cur = 1, .rlim_max = 1};
  setrlimit(RLIMIT_CPU, &time);
  struct rlimit none = {0};
  setrlimit(RLIMIT_CORE, &none);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_UNBLOCK, &all, NULL);
  static const int fatal[] = {SIGXCPU, SIGALRM, SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGTRAP};
  for (size_t index = 0; index < sizeof fatal / sizeof *fatal; index++) signal(fatal[index], SIG_DFL);
  alarm(10);
  cdemangle_text text = {0};
  int status = work_swift(name, count, simplified, &text);
  if (status == CDEMANGLE_DONE) {
    memcpy(result->bytes, text.bytes, text.count);
    result->count = text.count;
  }
  result->status = status;
  _exit(0);
}

static int work_contained(const char *name, size_t count, int simplified, cdemangle_text *text) {
  text->count = 0;
  shared_result *result =
      mmap(NULL, sizeof *result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (result == MAP_FAILED) return CDEMANGLE_REFUSED;
  // Stays, unless the child says otherwise.
  result->status = CDEMANGLE_REFUSED;
  pid_t pid = fork();
  if (pid == 0) child(name, count, simplified, result);
  if (pid > 0) {
    // Fails where the program ignores SIGCHLD: it returns when the child is gone all the same.
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
  }
  int status = result->status;
  if (status == CDEMANGLE_DONE && !append(text, result->bytes, result->count)) {
    status = CDEMANGLE_REFUSED;
  }
  munmap(result, sizeof *result);
  return status;
}

// MARK: Stacks

static void *run(void *opaque) {
  job *work = opaque;
  work->status = work->work(work->name, work->count, work->simplified, work->text);
  return NULL;
}

// On this thread, or for a long name on a new one whose stack suffices for any recursion.
static int start(job work) {
  if (work.count <= ordinary_length) {
    run(&work);
    return work.status;
  }
  work.status = CDEMANGLE_REFUSED;
  pthread_attr_t attributes;
  pthread_t thread;
  if (pthread_attr_init(&attributes) != 0) return work.status;
  if (pthread_attr_setstacksize(&attributes, large_stack) == 0 &&
      pthread_create(&thread, &attributes, run, &work) == 0) {
    pthread_join(thread, NULL);
  }
  pthread_attr_destroy(&attributes);
  return work.status;
}

int cdemangle_cxx(const char *name, size_t count, cdemangle_text *text) {
  return start((job){.name = name, .count = count, .text = text, .work = work_cxx});
}

int cdemangle_rust(const char *name, size_t count, cdemangle_text *text) {
  return start((job){.name = name, .count = count, .text = text, .work = work_rust});
}

int cdemangle_swift(const char *name, size_t count, int simplified, cdemangle_text *text) {
  return start(
      (job){.name = name, .count = count, .simplified = simplified, .text = text, .work = work_swift});
}

int cdemangle_swift_contained(const char *name, size_t count, int simplified, cdemangle_text *text) {
  return start((job){
      .name = name, .count = count, .simplified = simplified, .text = text, .work = work_contained});
}
