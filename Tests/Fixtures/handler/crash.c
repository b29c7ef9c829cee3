// A service that crashes. Words of the command line say what its threads do and which handlers it has; lines on
// standard input say how it is to crash. Prints "ready" when every thread is where it belongs.
#define _GNU_SOURCE
#include <dumpcollect.h>
#include <assert.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define KEPT __attribute__((noipa))

static int never[2];
static const char *plugin;
static sigjmp_buf home;
static volatile sig_atomic_t jump_home, returns;
static atomic_int in_place;
static atomic_ulong work;

KEPT static int block_in_read(void) {
  char byte;
  atomic_fetch_add(&in_place, 1);
  return (int)read(never[0], &byte, 1) + 1;
}
KEPT static int serve_connection(void) { return block_in_read() + 1; }
static void *reader(void *argument) {
  pthread_setname_np(pthread_self(), "reader");
  return (void *)(intptr_t)(serve_connection() + (argument != NULL));
}
static void *busy(void *argument) {
  pthread_setname_np(pthread_self(), "busy");
  atomic_fetch_add(&in_place, 1);
  while (argument == NULL) atomic_fetch_add_explicit(&work, 1, memory_order_relaxed);
  return NULL;
}

static void start(void *(*body)(void *), void *argument) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, body, argument) != 0) abort();
}

// Ways to die. Each stands below `crash_now`, and that below `serve_commands`.

static int *volatile wild = (int *)0x1238;
KEPT static void write_wild(void) { *wild = 1; }
KEPT static void read_truncated_mapping(void) {
  int file = memfd_create("short", MFD_CLOEXEC);
  if (ftruncate(file, 8192) != 0) _exit(3);
  volatile char *memory = mmap(NULL, 8192, PROT_READ, MAP_SHARED, file, 0);
  if (ftruncate(file, 0) != 0) _exit(3);
  (void)memory[4096];
}
KEPT static void divide_by_zero(void) {
  static volatile int zero;
  static volatile int one = 1;
  one = one / zero;
}
KEPT static void run_illegal(void) { __asm__ volatile("ud2"); }
KEPT static void break_here(void) { __asm__ volatile("int3"); }
KEPT static void fail_assertion(void) { assert(work == 4711 && "the books balance"); }
KEPT static void call_abort(void) { abort(); }
KEPT static void free_twice(void) {
  // In the largest size of the thread's own cache, which malloc checks.
  void *volatile memory = malloc(100);
  void *volatile again = memory;
  free(memory);
  free(again);
}
KEPT static void smash_buffer(void) {
  static char small[4];
  static const char *volatile text = "much too long";
  __builtin___strcpy_chk(small, text, sizeof small);
}
KEPT static void call_null(void) {
  static void (*volatile nowhere)(void) = NULL;
  nowhere();
  __asm__ volatile("");
}
KEPT static void call_wild(void) {
  static void (*volatile nowhere)(void) = (void (*)(void))0x1000;
  nowhere();
  __asm__ volatile("");
}
KEPT static void call_data(void) {
  static char data[64];
  static void (*volatile nowhere)(void);
  nowhere = (void (*)(void))(uintptr_t)data;
  nowhere();
  __asm__ volatile("");
}
KEPT static void filtered_call(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
  syscall(SYS_getppid);
}
KEPT static int overflow(int depth) {
  volatile char room[1000];
  room[0] = (char)depth;
  return (depth < 1 << 30 ? overflow(depth + 1) : 0) + room[0];
}
KEPT static void raise_signal(int signal) { raise(signal); }
KEPT static void kill_self(int signal) { kill(getpid(), signal); }
KEPT static void use_up_time(void) {
  struct rlimit limit = {1, 3};
  setrlimit(RLIMIT_CPU, &limit);
  for (;;) atomic_fetch_add_explicit(&work, 1, memory_order_relaxed);
}
KEPT static void use_up_file(void) {
  struct rlimit limit = {4096, 4096};
  setrlimit(RLIMIT_FSIZE, &limit);
  int file = memfd_create("long", MFD_CLOEXEC);
  static char bytes[8192];
  while (write(file, bytes, sizeof bytes) > 0) continue;
  printf("write ended with %d\n", errno);
}

KEPT static int crash_now(const char *how) {
  if (strcmp(how, "segv") == 0) write_wild();
  if (strcmp(how, "bus") == 0) read_truncated_mapping();
  if (strcmp(how, "fpe") == 0) divide_by_zero();
  if (strcmp(how, "ill") == 0) run_illegal();
  if (strcmp(how, "trap") == 0) break_here();
  if (strcmp(how, "sys") == 0) filtered_call();
  if (strcmp(how, "abort") == 0) call_abort();
  if (strcmp(how, "assert") == 0) fail_assertion();
  if (strcmp(how, "double free") == 0) free_twice();
  if (strcmp(how, "fortify") == 0) smash_buffer();
  if (strcmp(how, "call null") == 0) call_null();
  if (strcmp(how, "call wild") == 0) call_wild();
  if (strcmp(how, "call data") == 0) call_data();
  if (strcmp(how, "overflow") == 0) overflow(0);
  if (strncmp(how, "raise ", 6) == 0) raise_signal(atoi(how + 6));
  if (strncmp(how, "kill ", 5) == 0) kill_self(atoi(how + 5));
  if (strcmp(how, "xcpu") == 0) use_up_time();
  if (strcmp(how, "xfsz") == 0) use_up_file();
  return 1;
}

// Where to die: in threads, handlers, children, with locks held.

KEPT static void in_corrupt_heap(void) {
  // malloc finds the size of its last free piece broken, and aborts with its own lock held.
  char *volatile last = malloc(60000);
  memset(last + malloc_usable_size(last), 0xff, 16);
  char *volatile next = malloc(120000);
  free(next);
}
KEPT static void in_constructor(void) { dlopen(plugin, RTLD_NOW); }
KEPT static void on_user_signal(int signal) {
  if (signal == SIGUSR1) write_wild();
}
KEPT static void in_handler(void) {
  signal(SIGUSR1, on_user_signal);
  raise(SIGUSR1);
}
KEPT static void with_signals_blocked(void) {
  uint64_t all = ~(1ull << (SIGSEGV - 1));
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
  write_wild();
}
KEPT static void abort_blocked(void) {
  sigset_t set;
  sigfillset(&set);
  pthread_sigmask(SIG_SETMASK, &set, NULL);
  abort();
}
KEPT static void in_forked_child(void) {
  pid_t child = fork();
  if (child == 0) write_wild();
  int status = 0;
  waitpid(child, &status, 0);
  printf("child %d ended by %d\n", child, WTERMSIG(status));
}
KEPT static void in_vforked_child(void) {
  pid_t child = vfork();
  if (child == 0) {
    write_wild();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  printf("child ended by %d\n", WTERMSIG(status));
}

static pthread_barrier_t together;
KEPT static void crash_together(int number) {
  pthread_barrier_wait(&together);
  if (number % 2 == 0) write_wild();
  divide_by_zero();
}
static void *one_of_twenty(void *argument) {
  pthread_setname_np(pthread_self(), "one of twenty");
  crash_together((int)(intptr_t)argument);
  return NULL;
}
static void crash_twenty(void) {
  pthread_barrier_init(&together, NULL, 20);
  for (intptr_t i = 0; i < 20; i++) start(one_of_twenty, (void *)i);
  for (;;) pause();
}

// A stack overflow on an alternate stack that has `spare` bytes more than the kernel's frame takes.
static size_t spare;
static void *on_small_stack(void *argument) {
  pthread_setname_np(pthread_self(), "small stack");
  size_t size = getauxval(AT_MINSIGSTKSZ) + spare, pages = (size + 4095) & ~4095ull;
  char *memory = mmap(NULL, pages + 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(memory + 4096, pages, PROT_READ | PROT_WRITE);
  stack_t stack = {.ss_sp = memory + 4096, .ss_size = size};
  if (sigaltstack(&stack, NULL) != 0) _exit(4);
  return (void *)(intptr_t)(overflow(0) + (argument != NULL));
}

// What happens to the collector.

static int collector_id(void) {
  DIR *tasks = opendir("/proc/self/task");
  int found = 0;
  for (struct dirent *entry; tasks && (entry = readdir(tasks));) {
    char path[300], name[32] = "";
    snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
    int file = open(path, O_RDONLY);
    if (file >= 0 && read(file, name, sizeof name - 1) > 0 && strcmp(name, "dumpcollect\n") == 0)
      found = atoi(entry->d_name);
    if (file >= 0) close(file);
  }
  if (tasks) closedir(tasks);
  return found;
}
static volatile sig_atomic_t stuck;
static void end_thread(int signal) {
  (void)signal;
  syscall(SYS_exit, 0);
}
static void never_return(int signal) {
  (void)signal;
  stuck = 1;
  for (;;) pause();
}
// The collector has the dump signal open: its action runs there too.
static void hurt_collector(void (*how)(int)) {
  int collector = collector_id();
  signal(SIGQUIT, how);
  syscall(SYS_tgkill, getpid(), collector, SIGQUIT);
  while (how == end_thread ? syscall(SYS_tgkill, getpid(), collector, 0) == 0 : !stuck) sched_yield();
}
// A wild write that hits libunwind: none of it can be run or read any more, but one page of code.
static void lose_libunwind(unsigned long kept) {
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[512];
  while (maps && fgets(line, sizeof line, maps)) {
    unsigned long start, end;
    if (strstr(line, "libunwind-x86_64") && sscanf(line, "%lx-%lx", &start, &end) == 2) {
      for (; start < end; start += 4096)
        if (kept < start || kept - start >= 4096) mprotect((void *)start, 4096, PROT_NONE);
    }
  }
  if (maps) fclose(maps);
}

// A thread that never answers keeps a live capture waiting: long enough to crash meanwhile.
static atomic_int deaf_id;
static void *deaf(void *argument) {
  uint64_t all = ~0ull;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
  atomic_store(&deaf_id, (int)syscall(SYS_gettid));
  while (argument == NULL) atomic_fetch_add_explicit(&work, 1, memory_order_relaxed);
  return NULL;
}
static int has_pending_signal(int tid) {
  char path[64], text[4096];
  snprintf(path, sizeof path, "/proc/self/task/%d/status", tid);
  int file = open(path, O_RDONLY);
  ssize_t count = read(file, text, sizeof text - 1);
  close(file);
  text[count > 0 ? count : 0] = 0;
  char *line = strstr(text, "SigPnd:");
  return line && strtoull(line + 7, NULL, 16) != 0;
}
KEPT static void during_live_dump(void) {
  start(deaf, NULL);
  while (!atomic_load(&deaf_id)) sched_yield();
  kill(getpid(), SIGQUIT);
  while (!has_pending_signal(atomic_load(&deaf_id))) sched_yield();
  write_wild();
}

KEPT static int crash_somewhere(const char *how) {
  if (strcmp(how, "corrupt heap") == 0) in_corrupt_heap();
  if (strcmp(how, "constructor") == 0) in_constructor();
  if (strcmp(how, "handler") == 0) in_handler();
  if (strcmp(how, "signals blocked") == 0) with_signals_blocked();
  if (strcmp(how, "abort blocked") == 0) abort_blocked();
  if (strcmp(how, "forked child") == 0) in_forked_child();
  if (strcmp(how, "vforked child") == 0) in_vforked_child();
  if (strcmp(how, "twenty") == 0) crash_twenty();
  if (strcmp(how, "live dump") == 0) during_live_dump();
  return 1;
}

static char how_to_crash[128];
static void *crasher(void *argument) {
  pthread_setname_np(pthread_self(), "crasher");
  return (void *)(intptr_t)(crash_now(how_to_crash) + (argument != NULL));
}

static void obey(const char *line) {
  if (strncmp(line, "thread ", 7) == 0) {
    snprintf(how_to_crash, sizeof how_to_crash, "%s", line + 7);
    pthread_t thread;
    if (pthread_create(&thread, NULL, crasher, NULL) != 0) abort();
    pthread_join(thread, NULL);
  } else if (strncmp(line, "small stack ", 12) == 0) {
    spare = (size_t)atoi(line + 12);
    pthread_t thread;
    if (pthread_create(&thread, NULL, on_small_stack, NULL) != 0) abort();
    pthread_join(thread, NULL);
  } else if (strcmp(line, "work") == 0) {
    printf("work %lu\n", atomic_load(&work));
  } else if (strcmp(line, "end collector") == 0) {
    hurt_collector(end_thread);
    printf("collector ended\n");
  } else if (strcmp(line, "stop collector") == 0) {
    hurt_collector(never_return);
    printf("collector stopped\n");
  } else if (strcmp(line, "lose libunwind") == 0) {
    lose_libunwind(0);
    printf("libunwind lost\n");
  } else if (strcmp(line, "lose walking") == 0) {
    void *library = dlopen("libunwind-x86_64.so.8", RTLD_NOW | RTLD_NOLOAD);
    lose_libunwind((unsigned long)dlsym(library, "_Ux86_64_flush_cache"));
    printf("walking lost\n");
  } else if (strcmp(line, "jump") == 0) {
    jump_home = 1;
    if (sigsetjmp(home, 1) == 0) write_wild();
    printf("jumped\n");
  } else {
    if (crash_now(line) + crash_somewhere(line) > 0) printf("survived\n");
  }
  fflush(stdout);
}

KEPT static void serve_commands(void) {
  char line[128];
  size_t count = 0;
  printf("ready\n");
  fflush(stdout);
  while (read(0, line + count, 1) == 1) {
    if (line[count] != '\n') {
      if (count < sizeof line - 2) count++;
      continue;
    }
    line[count] = 0;
    count = 0;
    obey(line);
  }
}

// The service's own handler: says all that it can see of how it was called.
static void *alternate;
static void tell(int number, siginfo_t *info, void *context) {
  const ucontext_t *interrupted = context;
  uint64_t mask = 0, before;
  memcpy(&before, &interrupted->uc_sigmask, sizeof before);
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &mask, 8);
  uint64_t here = (uint64_t)(uintptr_t)__builtin_frame_address(0);
  uint64_t stack_pointer = (uint64_t)interrupted->uc_mcontext.gregs[REG_RSP];
  int is_alternate = here - (uint64_t)(uintptr_t)alternate < 65536;
  // How far the frame lies below the stack that it was put on.
  uint64_t depth = is_alternate ? (uint64_t)(uintptr_t)alternate + 65536 - here : stack_pointer - here;
  dprintf(1, "handler %d code %d address %d errno %d mask %lx before %lx alternate %d depth %ld near %d\n", number,
          info->si_code, info->si_code > 0 ? (int)((uintptr_t)info->si_addr & 4095) : 0, info->si_errno, (long)mask,
          (long)before, is_alternate, (long)depth, (uintptr_t)info - (uintptr_t)context < 512);
}
static void on_crash_plain(int number) {
  uint64_t mask = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &mask, 8);
  dprintf(1, "plain handler %d mask %lx\n", number, (long)mask);
  _exit(7);
}
static void on_crash(int number, siginfo_t *info, void *context) {
  tell(number, info, context);
  if (jump_home) siglongjmp(home, 1);
  if (returns) return;
  _exit(7);
}
static void install_handlers(const char *how) {
  static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};
  struct sigaction action;
  memset(&action, 0, sizeof action);
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, SIGUSR2);
  action.sa_flags = SA_SIGINFO;
  action.sa_sigaction = on_crash;
  if (strstr(how, "onstack")) action.sa_flags |= SA_ONSTACK;
  if (strstr(how, "nodefer")) action.sa_flags |= SA_NODEFER;
  if (strstr(how, "restart")) action.sa_flags |= SA_RESTART;
  if (strstr(how, "resethand")) action.sa_flags |= (int)SA_RESETHAND;
  if (strstr(how, "return")) returns = 1;
  if (strstr(how, "plain")) {
    action.sa_flags &= ~SA_SIGINFO;
    action.sa_handler = on_crash_plain;
  }
  if (strstr(how, "ignore")) {
    action.sa_flags = 0;
    action.sa_handler = SIG_IGN;
  }
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, NULL);
  if (strstr(how, "onstack") || strstr(how, "has-stack")) {
    alternate = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t stack = {.ss_sp = alternate, .ss_size = 65536};
    sigaltstack(&stack, NULL);
  }
}

int main(int argc, char **argv) {
  if (pipe2(never, O_CLOEXEC) != 0) return 2;
  int wanted = 0;
  for (int i = 1; i < argc; i++) {
    if (strncmp(argv[i], "handlers=", 9) == 0) install_handlers(argv[i] + 9);
    if (strncmp(argv[i], "plugin=", 7) == 0) plugin = argv[i] + 7;
  }
  fprintf(stderr, "install %d\n", dumpcollect_install(NULL));
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "threads") == 0) {
      start(reader, NULL);
      start(busy, NULL);
      wanted += 2;
    }
  }
  while (atomic_load(&in_place) < wanted) sched_yield();
  serve_commands();
  _exit(0);
}
