// Threads that sleep on stacks of many shapes, all over remains of earlier calls: what a search for frames must not be
// misled by. Prints "ready" when all are about to sleep.
#define _GNU_SOURCE
#include <dumpcollect.h>
#include <alloca.h>
#include <ftw.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <search.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __clang__
#define KEPT __attribute__((noinline))
#else
#define KEPT __attribute__((noipa))
#endif

static int never[2];
static atomic_int entered;

KEPT static long block(void) {
  char byte;
  atomic_fetch_add(&entered, 1);
  return read(never[0], &byte, 1);
}

// MARK: Remains: return addresses and frame pointers of calls that are over

KEPT static long shallow(int depth);
KEPT static long soil(int depth) {
  volatile char room[120];
  room[depth & 63] = 1;
  return depth == 0 ? 1 : soil(depth - 1) + shallow(depth - 1) + room[0];
}
KEPT static long shallow(int depth) {
  volatile char room[24];
  room[0] = 1;
  return depth < 2 ? 1 : soil(depth - 2) + room[0];
}

// MARK: Shapes. Each begins by leaving remains below itself.

#define SHAPE(name) KEPT static long shape_##name(void)
SHAPE(plain) { return soil(12) + block(); }

KEPT static long with_large_frame(int use) {
  volatile char room[9000];
  room[use] = 1;
  return block() + room[use];
}
SHAPE(large_frame) { return soil(14) + with_large_frame(3); }

KEPT static long with_array(size_t size) {
  volatile char room[size];
  room[size - 1] = 1;
  return block() + room[0];
}
SHAPE(array_of_any_size) { return soil(14) + with_array((size_t)soil(1) * 500 + 77); }

KEPT static long with_alloca(size_t size) {
  volatile char *room = alloca(size);
  room[0] = 1;
  long result = soil(6) + block();
  return result + room[0];
}
SHAPE(alloca) { return soil(14) + with_alloca((size_t)soil(1) * 300 + 64); }

KEPT static long with_many(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j) {
  return block() + a + b + c + d + e + f + g + h + i + j;
}
KEPT static long passes_many(long n) { return with_many(n, 2, 3, 4, 5, 6, 7, 8, 9, n + 1) + n; }
SHAPE(many_arguments) { return soil(12) + passes_many(4); }

KEPT static long takes_list(int count, ...) {
  va_list list;
  va_start(list, count);
  long sum = 0;
  for (int i = 0; i < count; i++) sum += va_arg(list, int);
  sum += block();
  va_end(list);
  return sum;
}
SHAPE(variable_arguments) { return soil(12) + takes_list(9, 1, 2, 3, 4, 5, 6, 7, 8, 9); }

static long (*volatile chosen)(void) = block;
KEPT static long calls_chosen(void) { return chosen() + 1; }
static long (*volatile chosen_twice)(void) = calls_chosen;
SHAPE(indirect) { return soil(12) + chosen_twice() + 1; }

KEPT static long last_call(long value) { return soil((int)value & 3) + block(); }
KEPT static long jumps_to_last_call(long value) { return last_call(value * 2); }
SHAPE(tail_call) { return soil(12) + jumps_to_last_call(3) + 1; }

KEPT static long recurse(int depth) {
  volatile char room[40];
  room[depth & 7] = 1;
  return depth == 0 ? block() : recurse(depth - 1) + room[0];
}
SHAPE(recursion) { return soil(10) + recurse(100); }
SHAPE(deep_recursion) { return soil(10) + recurse(3000); }

KEPT static long visit(int depth, int is_left);
KEPT static long visit_large(int depth, int is_left) {
  volatile char room[700];
  room[is_left] = 1;
  return visit(depth - 1, is_left) + room[0];
}
KEPT static long visit(int depth, int is_left) {
  volatile char room[56];
  room[is_left] = 1;
  if (depth <= 0) return is_left ? 1 : block();
  // The left side leaves its frames where those of the right side come to lie.
  return visit_large(depth, 1) + visit(depth - 1, 1) + visit_large(depth - 1, is_left) + room[0];
}
SHAPE(tree) { return visit(9, 0); }

KEPT static long aligned_locals(long value) {
  volatile char room[128] __attribute__((aligned(64)));
  room[value] = 1;
  return block() + room[0];
}
SHAPE(aligned) { return soil(12) + aligned_locals(3); }
KEPT static long aligned_alloca(size_t size) {
  volatile char room[96] __attribute__((aligned(128)));
  volatile char *more = alloca(size);
  room[1] = 1, more[0] = 1;
  return block() + room[0] + more[0];
}
SHAPE(aligned_alloca) { return soil(12) + aligned_alloca((size_t)soil(1) * 100); }

static int compare_and_block(const void *one, const void *other) {
  return *(const int *)one - *(const int *)other + (int)block();
}
SHAPE(qsort) {
  int values[] = {3, 1, 2};
  soil(12);
  qsort(values, 3, sizeof *values, compare_and_block);
  return values[0];
}
static int compare_by_sorting(const void *one, const void *other) {
  int values[] = {9, 8, 7, 6};
  qsort(values, 4, sizeof *values, compare_and_block);
  return values[0] + *(const int *)one - *(const int *)other;
}
SHAPE(qsort_in_qsort) {
  int values[] = {3, 1, 2};
  soil(12);
  qsort(values, 3, sizeof *values, compare_by_sorting);
  return values[0];
}
SHAPE(bsearch) {
  int values[] = {1, 2, 3}, key = 2;
  soil(12);
  return bsearch(&key, values, 3, sizeof *values, compare_and_block) != NULL;
}
static void walk(const void *node, VISIT visit, int depth) {
  (void)node, (void)depth;
  if (visit == leaf) block();
}
SHAPE(twalk) {
  void *root = NULL;
  static int key = 7;
  soil(12);
  tsearch(&key, &root, (int (*)(const void *, const void *))strcmp);
  twalk(root, walk);
  return root != NULL;
}
static int on_object(struct dl_phdr_info *info, size_t size, void *data) {
  (void)info, (void)size, (void)data;
  return (int)block() + 1;
}
SHAPE(dl_iterate_phdr) { return soil(12) + dl_iterate_phdr(on_object, NULL); }
static int on_file(const char *path, const struct stat *status, int kind, struct FTW *place) {
  (void)path, (void)status, (void)kind, (void)place;
  return (int)block() + 1;
}
SHAPE(nftw) { return soil(12) + nftw("/proc/self/fdinfo", on_file, 4, FTW_PHYS); }

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void initialize(void) { block(); }
SHAPE(once) { return soil(12) + pthread_once(&once, initialize); }

static void destroy(void *value) { block(), (void)value; }
SHAPE(key_destructor) {
  pthread_key_t key;
  pthread_key_create(&key, destroy);
  pthread_setspecific(key, &key);
  return soil(12);
}
static void clean_up(void *value) { block(), (void)value; }
SHAPE(cleanup) {
  pthread_cleanup_push(clean_up, NULL);
  soil(12);
  pthread_exit(NULL);
  pthread_cleanup_pop(0);
  return 0;
}

SHAPE(stdio) {
  FILE *file = fdopen(dup(never[0]), "r");
  int first = 0, second = 0;
  atomic_fetch_add(&entered, 1);
  return soil(12) + fscanf(file, "%d %d", &first, &second);
}
SHAPE(printf_to_full_pipe) {
  int ends[2];
  if (pipe(ends) != 0) abort();
  FILE *file = fdopen(ends[1], "w");
  soil(12);
  atomic_fetch_add(&entered, 1);
  for (;;) fprintf(file, "%0999d %s %f\n", 7, "text", 0.5);
}
SHAPE(pclose) {
  // Not system(3), which ignores SIGQUIT in the whole process. Ends with us: it reads a pipe whose other end only we have.
  char command[64];
  snprintf(command, sizeof command, "exec %d>&-; exec cat <&%d >/dev/null", never[1], never[0]);
  FILE *file = popen(command, "r");
  soil(12);
  atomic_fetch_add(&entered, 1);
  return pclose(file);
}

KEPT static void leave(jmp_buf place) { longjmp(place, 1); }
SHAPE(after_longjmp) {
  jmp_buf place;
  if (setjmp(place) == 0) {
    soil(12);
    leave(place);
  }
  return block();
}

static void on_signal(int signal) {
  if (signal == SIGUSR1) block();
}
KEPT static long raise_here(void) { return syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1) + 1; }
SHAPE(in_handler) { return soil(12) + raise_here(); }
SHAPE(in_handler_on_alternate_stack) {
  stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
  sigaltstack(&stack, NULL);
  return soil(12) + raise_here();
}

__attribute__((noreturn)) KEPT static void never_returns(void) {
  for (;;) block();
}
KEPT static void ends_in_call(int value) {
  soil(value);
  never_returns();
}
SHAPE(end_of_function) {
  ends_in_call(12);
  return 1;
}
__attribute__((cold)) KEPT static long rare(long value) { return block() + value; }
KEPT static long seldom(long value) {
  if (__builtin_expect(value > 3, 0)) return rare(value) + soil(2) + rare(value);
  return soil(3) + value;
}
SHAPE(cold_part) { return soil(12) + seldom(5) + 1; }

#define ENTRY(name) {#name, shape_##name}
static struct shape {
  const char *name;
  long (*enter)(void);
} shapes[] = {
    ENTRY(plain),         ENTRY(large_frame),        ENTRY(array_of_any_size), ENTRY(alloca),
    ENTRY(many_arguments), ENTRY(variable_arguments), ENTRY(indirect),          ENTRY(tail_call),
    ENTRY(recursion),     ENTRY(deep_recursion),     ENTRY(tree),              ENTRY(aligned),
    ENTRY(aligned_alloca), ENTRY(qsort),             ENTRY(qsort_in_qsort),    ENTRY(bsearch),
    ENTRY(twalk),         ENTRY(dl_iterate_phdr),    ENTRY(nftw),              ENTRY(once),
    ENTRY(key_destructor), ENTRY(cleanup),           ENTRY(stdio),             ENTRY(printf_to_full_pipe),
    ENTRY(pclose),        ENTRY(after_longjmp),      ENTRY(in_handler),        ENTRY(in_handler_on_alternate_stack),
    ENTRY(end_of_function), ENTRY(cold_part),
};
enum { shape_count = sizeof shapes / sizeof *shapes };

static void *run_shape(void *argument) {
  struct shape *shape = argument;
  char name[16];
  snprintf(name, sizeof name, "%s", shape->name);
  pthread_setname_np(pthread_self(), name);
  shape->enter();
  return NULL;
}

int main(void) {
  if (pipe(never) != 0) return 2;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (dumpcollect_install(NULL) != 0) return 2;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR1, &action, NULL);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 1 << 20);
  // The list of the loader last: its callback holds a lock that pthread_exit needs.
  for (int last = 0; last < 2; last++) {
    for (int i = 0; i < shape_count; i++) {
      pthread_t thread;
      if ((shapes[i].enter == shape_dl_iterate_phdr) != last) continue;
      if (pthread_create(&thread, &attributes, run_shape, &shapes[i]) != 0) return 2;
    }
    while (atomic_load(&entered) < shape_count - 1 + last) sched_yield();
  }
  printf("ready\n");
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) == 1) continue;
  _exit(0);
}
