// A service whose threads stand in known chains of functions. Each word of the command line adds something;
// lines on standard input ask it for something. Prints "ready" when every thread is where it belongs.
#define _GNU_SOURCE
#include <dumpcollect.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#ifdef __clang__
#define KEPT __attribute__((noinline))
#else
#define KEPT __attribute__((noipa))
#endif

static int never[2];           // a pipe nobody writes to
static atomic_ulong work;      // grows as long as the service works
static atomic_int in_place;    // threads that are about to block, or to spin
static atomic_int profiled;    // SIGPROF that came to the service's own handler
static int wanted_in_place;
static int last_depth;

KEPT static int block_in_read(void) {
  char byte;
  atomic_fetch_add(&in_place, 1);
  int result = (int)read(never[0], &byte, 1);
  return result + 1;
}
KEPT static int serve_request(void) { return block_in_read() + 1; }
KEPT static int serve_connection(void) { return serve_request() + 1; }
static void *reader(void *argument) {
  pthread_setname_np(pthread_self(), "reader");
  dumpcollect_set_label("request", "4711");
  dumpcollect_set_label("tenant", "gone");
  dumpcollect_set_label("tenant", NULL);
  return (void *)(intptr_t)(serve_connection() + (argument != NULL));
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never_signalled = PTHREAD_COND_INITIALIZER;
KEPT static int wait_for_job(void) {
  pthread_mutex_lock(&lock);
  atomic_fetch_add(&in_place, 1);
  for (;;) pthread_cond_wait(&never_signalled, &lock);
  return 1;
}
KEPT static int run_pool(void) { return wait_for_job() + 1; }
static void *pool_worker(void *argument) {
  pthread_setname_np(pthread_self(), "pool worker");
  return (void *)(intptr_t)(run_pool() + (argument != NULL));
}

KEPT static void spin(void) {
  atomic_fetch_add(&in_place, 1);
  for (;;) atomic_fetch_add_explicit(&work, 1, memory_order_relaxed);
}
static void *busy(void *argument) {
  (void)argument;
  pthread_setname_np(pthread_self(), "busy");
  spin();
  return NULL;
}

static void block_all_signals(void) {
  uint64_t all = ~0ull;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
}
KEPT static int block_deaf(void) { return block_in_read() + 2; }
static void *deaf_reader(void *argument) {
  pthread_setname_np(pthread_self(), "deaf reader");
  block_all_signals();
  return (void *)(intptr_t)(block_deaf() + (argument != NULL));
}
static void *deaf_busy(void *argument) {
  (void)argument;
  pthread_setname_np(pthread_self(), "deaf busy");
  block_all_signals();
  atomic_fetch_add(&in_place, 1);
  spin();
  return NULL;
}

KEPT static int wait_for_signal(void) {
  sigset_t set;
  sigfillset(&set);
  siginfo_t info;
  atomic_fetch_add(&in_place, 1);
  int signal = sigwaitinfo(&set, &info);
  printf("sigwait got %d\n", signal);
  fflush(stdout);
  return signal + 1;
}
static void *signal_waiter(void *argument) {
  pthread_setname_np(pthread_self(), "signal waiter");
  sigset_t set;
  sigfillset(&set);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  return (void *)(intptr_t)(wait_for_signal() + (argument != NULL));
}

// Goes down until less than 5 KiB are left above the guard page, and blocks there: enough for itself, not
// for a signal frame and a handler.
KEPT static int use_up_stack(uintptr_t bottom) {
  volatile char room[256];
  room[0] = 1;
  if ((uintptr_t)room - bottom < 5000) return block_in_read() + room[0];
  return use_up_stack(bottom) + room[0];
}
static void *tight(void *argument) {
  pthread_setname_np(pthread_self(), "tight");
  pthread_attr_t attributes;
  void *address;
  size_t size, guard;
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &address, &size);
  pthread_attr_getguardsize(&attributes, &guard);
  pthread_attr_destroy(&attributes);
  return (void *)(intptr_t)(use_up_stack((uintptr_t)address) + (argument != NULL) + (guard == 1));
}

KEPT static int recurse(int depth) {
  volatile char room[2000];
  room[0] = 1;
  if (depth == 0) return block_in_read() + room[0];
  return recurse(depth - 1) + room[0];
}
static void *deep(void *argument) {
  pthread_setname_np(pthread_self(), "deep");
  return (void *)(intptr_t)(recurse(last_depth) + (argument != NULL));
}

KEPT static void on_user_signal(int signal) {
  if (signal == SIGUSR1) block_in_read();
}
KEPT static int raise_here(void) {
  syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1);
  return 1;
}
static void *in_handler(void *argument) {
  pthread_setname_np(pthread_self(), "in handler");
  return (void *)(intptr_t)(raise_here() + (argument != NULL));
}
static void *in_handler_on_alternate_stack(void *argument) {
  pthread_setname_np(pthread_self(), "in handler");
  stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
  sigaltstack(&stack, NULL);
  return (void *)(intptr_t)(raise_here() + (argument != NULL));
}

static ucontext_t outside, inside;
KEPT static void coroutine_body(void) { block_in_read(); }
static void *coroutine(void *argument) {
  pthread_setname_np(pthread_self(), "coroutine");
  // A stack of one's own with nothing behind it: the copy must stop at its end.
  size_t size = 65536;
  char *memory = mmap(NULL, size + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(memory + 4096, size, PROT_READ | PROT_WRITE);
  getcontext(&inside);
  inside.uc_stack.ss_sp = memory + 4096;
  inside.uc_stack.ss_size = size;
  inside.uc_link = &outside;
  makecontext(&inside, coroutine_body, 0);
  swapcontext(&outside, &inside);
  return argument;
}

static void start(void *(*body)(void *), int is_counted, size_t stack_size) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack_size);
  pthread_t thread;
  if (pthread_create(&thread, &attributes, body, NULL) != 0) abort();
  pthread_attr_destroy(&attributes);
  if (is_counted) wanted_in_place++;
}

static void on_profile(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)info, (void)context;
  atomic_fetch_add(&profiled, 1);
}
static void profile(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_profile;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigaction(SIGPROF, &action, NULL);
  struct itimerval timer = {{0, 1000}, {0, 1000}};
  setitimer(ITIMER_PROF, &timer, NULL);
}

static void on_fault(int signal) {
  printf("own handler of %d\n", signal);
  fflush(stdout);
  _exit(7);
}

static void use_all_descriptors(void) {
  struct rlimit limit = {64, 64};
  setrlimit(RLIMIT_NOFILE, &limit);
  while (dup(0) >= 0) continue;
}

// A thread is where it belongs once the kernel shows it asleep: `in_place` is counted just before.
static int all_asleep(void) {
  int asleep = 0;
  DIR *tasks = opendir("/proc/self/task");
  for (struct dirent *entry; tasks && (entry = readdir(tasks));) {
    char path[300], text[512];
    snprintf(path, sizeof path, "/proc/self/task/%s/stat", entry->d_name);
    int file = open(path, O_RDONLY);
    ssize_t count = file < 0 ? 0 : read(file, text, sizeof text - 1);
    if (file >= 0) close(file);
    text[count > 0 ? count : 0] = 0;
    char *name = strrchr(text, ')');
    if (name && name[2] == 'S' && !strstr(text, "(dumpcollect)")) asleep++;
  }
  if (tasks) closedir(tasks);
  return asleep;
}
static void wait_until_in_place(int running) {
  while (atomic_load(&in_place) < wanted_in_place) sched_yield();
  while (all_asleep() < wanted_in_place - running) sched_yield();
}

KEPT static void in_child(void) {
  pid_t child = fork();
  if (child == 0) {
    printf("child %d\n", getpid());
    fflush(stdout);
    block_in_read();
    _exit(0);
  }
}

static void in_child_of_vfork(void) {
  // The child shares our memory: its dump signal must not touch it.
  pid_t child = vfork();
  if (child == 0) {
    syscall(SYS_tgkill, syscall(SYS_getpid), syscall(SYS_gettid), SIGQUIT);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  printf("vfork child %d\n", status);
}

static void obey(const char *line) {
  if (strcmp(line, "work") == 0) {
    printf("work %lu\n", atomic_load(&work));
  } else if (strcmp(line, "capture") == 0) {
    printf("capture %d\n", dumpcollect_capture("asked by test"));
  } else if (strcmp(line, "last") == 0) {
    const char *path = dumpcollect_last_capture();
    printf("last %s\n", path ? path : "none");
  } else if (strcmp(line, "uninstall") == 0) {
    printf("uninstall %d\n", dumpcollect_uninstall());
  } else if (strcmp(line, "install") == 0) {
    printf("install %d\n", dumpcollect_install(NULL));
  } else if (strcmp(line, "profiled") == 0) {
    printf("profiled %d\n", atomic_load(&profiled));
  } else if (strcmp(line, "profile") == 0) {
    profile();
    printf("profile on\n");
  } else if (strcmp(line, "descriptors") == 0) {
    use_all_descriptors();
    printf("descriptors used up\n");
  } else if (strcmp(line, "fork") == 0) {
    in_child();
  } else if (strcmp(line, "vfork") == 0) {
    in_child_of_vfork();
  } else if (strcmp(line, "fault") == 0) {
    static int *volatile wild = (int *)8;
    *wild = 1;
  } else if (strcmp(line, "raise segv") == 0) {
    raise(SIGSEGV);
  } else {
    printf("unknown command\n");
  }
  fflush(stdout);
}

KEPT static void serve_commands(void) {
  // By read(2), not stdio: the chain of the main thread is the same in every libc.
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

int main(int argc, char **argv) {
  int installs = 1, leaves = 0, running = 0, keeps_mask = 0;
  if (pipe2(never, O_CLOEXEC) != 0) return 2;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "no-install") == 0) installs = 0;
    if (strcmp(argv[i], "keep-mask") == 0) keeps_mask = 1;
    if (strcmp(argv[i], "profile-before") == 0) profile();
    if (strcmp(argv[i], "segv-handler") == 0) signal(SIGSEGV, on_fault);
    if (strcmp(argv[i], "no-pending") == 0) {
      struct rlimit limit = {0, 0};
      setrlimit(RLIMIT_SIGPENDING, &limit);
    }
  }
  // Who starts us may block signals; a test that wants that says so.
  sigset_t none;
  sigemptyset(&none);
  if (keeps_mask) sigfillset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (installs) {
    int result = dumpcollect_install(NULL);
    fprintf(stderr, "install %d\n", result);
  }
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_user_signal;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR1, &action, NULL);
  for (int i = 1; i < argc; i++) {
    const char *word = argv[i];
    if (strcmp(word, "threads") == 0) {
      start(reader, 1, 262144);
      start(reader, 1, 262144);
      start(pool_worker, 1, 262144);
      start(busy, 1, 262144);
      running++;
    } else if (strcmp(word, "busy") == 0) {
      start(busy, 1, 262144);
      running++;
    } else if (strcmp(word, "reader") == 0) {
      start(reader, 1, 262144);
    } else if (strcmp(word, "deaf") == 0) {
      start(deaf_reader, 1, 262144);
      start(deaf_busy, 1, 262144);
      running++;
    } else if (strcmp(word, "sigwait") == 0) {
      start(signal_waiter, 1, 262144);
    } else if (strcmp(word, "tight") == 0) {
      start(tight, 1, 65536);
    } else if (strcmp(word, "deep") == 0) {
      last_depth = 300;
      start(deep, 1, 8 << 20);
    } else if (strcmp(word, "in-handler") == 0) {
      start(in_handler, 1, 262144);
    } else if (strcmp(word, "in-handler-alternate") == 0) {
      start(in_handler_on_alternate_stack, 1, 262144);
    } else if (strcmp(word, "coroutine") == 0) {
      start(coroutine, 1, 262144);
    } else if (strcmp(word, "leave") == 0) {
      leaves = 1;
    }
  }
  wait_until_in_place(running);
  if (leaves) {
    printf("ready\n");
    fflush(stdout);
    pthread_exit(NULL);
  }
  serve_commands();
  _exit(0);
}
