// Does what breaks in-process dumpers (loader, heap, exceptions, threads, forks, signal masks), as fast as it
// can, until its standard input is closed. Prints one line a kind of work with its count at the end, or for the line
// "counts", which ends with "end". The line "crash" has a thread write where nothing is, while it
// has the loader's lock.
#include <dlfcn.h>
#include <dumpcollect.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

static std::atomic<bool> stop{false};
static std::atomic<bool> crash{false};
extern char **environ;

static int called_back(int value) { return value + 1; }

static long load_and_unload() {
  void *library = dlopen(PLUGIN, RTLD_NOW);
  if (!library) std::abort();
  auto call = reinterpret_cast<int (*)(int (*)(int), int)>(dlsym(library, "plugin_call"));
  long result = call(called_back, 1);
  dlclose(library);
  return result;
}

static long allocate() {
  long sum = 0;
  std::vector<char *> blocks;
  for (std::size_t size = 16; size < 65536; size *= 2) {
    char *block = static_cast<char *>(std::malloc(size));
    std::memset(block, 1, size);
    blocks.push_back(block);
  }
  for (char *block : blocks) {
    sum += block[1];
    std::free(block);
  }
  return sum;
}

[[gnu::noinline]] static void throw_from(int depth) {
  if (depth == 0) throw std::runtime_error("thrown");
  throw_from(depth - 1);
  asm volatile("");
}

static long throw_and_catch() {
  try {
    throw_from(10);
  } catch (const std::runtime_error &) {
    return 1;
  }
  std::abort();
}

static long spawn_a_program() {
  pid_t child;
  char name[] = "true";
  char *arguments[] = {name, nullptr};
  if (posix_spawnp(&child, "true", nullptr, nullptr, arguments, environ) != 0) return 0;
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0) std::abort();
  return 1;
}

static long fork_a_child() {
  pid_t child = fork();
  if (child == 0) _exit(0);
  int status = 0;
  if (child > 0) waitpid(child, &status, 0);
  if (status != 0) std::abort();
  return 1;
}

static long start_a_thread() {
  std::thread([] { allocate(); }).join();
  return 1;
}

[[gnu::noinline]] static void write_wild() { *reinterpret_cast<volatile int *>(0x1238) = 1; }

static int visit(dl_phdr_info *info, std::size_t, void *count) {
  *static_cast<long *>(count) += info->dlpi_phnum;
  if (crash) write_wild();
  return 0;
}

static long visit_modules() {
  long count = 0;
  dl_iterate_phdr(visit, &count);
  return count;
}

static long change_mask() {
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &old);
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  return 1;
}

struct Kind {
  const char *name;
  long (*body)();
  std::atomic<long> count{0};
};

static Kind kinds[] = {{"load", load_and_unload, {}},   {"allocate", allocate, {}},
                       {"throw", throw_and_catch, {}},  {"spawn", spawn_a_program, {}},
                       {"fork", fork_a_child, {}},      {"thread", start_a_thread, {}},
                       {"visit", visit_modules, {}},    {"mask", change_mask, {}}};

static void print_counts() {
  for (Kind &kind : kinds) std::printf("%s %ld\n", kind.name, kind.count.load());
}

int main() {
  int result = dumpcollect_install(nullptr);
  std::fprintf(stderr, "install %d\n", result);
  std::vector<std::thread> threads;
  for (Kind &kind : kinds) {
    threads.emplace_back([&kind] {
      while (!stop) {
        kind.body();
        ++kind.count;
      }
    });
  }
  std::puts("ready");
  std::fflush(stdout);
  char line[64];
  while (std::fgets(line, sizeof line, stdin)) {
    if (std::strcmp(line, "crash\n") == 0) {
      crash = true;
      for (;;) pause();
    }
    if (std::strcmp(line, "counts\n") != 0) continue;
    print_counts();
    std::puts("end");
    std::fflush(stdout);
  }
  stop = true;
  for (std::thread &thread : threads) thread.join();
  print_counts();
  return 0;
}
