// What calls of a service cost, in nanoseconds: a throw through ten frames, a thread made and joined, a watchdog's tick.
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#ifdef HANDLER
#include <dumpcollect.h>
#endif

static double now(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return double(time.tv_sec) * 1e9 + double(time.tv_nsec);
}

[[gnu::noipa]] static int throw_from(int depth) {
  if (depth == 0) throw std::runtime_error("thrown");
  return throw_from(depth - 1) + 1;
}

static void *nothing(void *argument) { return argument; }

[[gnu::noipa]] static int make_thread(int depth) {
  if (depth > 0) return make_thread(depth - 1) + 1;
  pthread_t thread;
  if (pthread_create(&thread, nullptr, nothing, nullptr) != 0) std::abort();
  return pthread_join(thread, nullptr);
}

template <typename Body>
static void measure(const char *name, clockid_t clock, int count, Body body) {
  for (int i = 0; i < count / 10; i++) body();
  double begin = now(clock);
  for (int i = 0; i < count; i++) body();
  std::printf("%s %.2f\n", name, (now(clock) - begin) / count);
}

static void *wait_for_ever(void *) {
  for (;;) pause();
}

int main() {
  // A service has threads, and libc takes its locks as soon as there is a second one: so it is without the handler too.
  pthread_t idle;
  if (pthread_create(&idle, nullptr, wait_for_ever, nullptr) != 0) return 1;
#ifdef HANDLER
  if (dumpcollect_install(nullptr) != 0) return 1;
#endif
  // By the thread's own clock: what else the machine does is not the handler's cost.
  measure("throw", CLOCK_THREAD_CPUTIME_ID, 20000, [] {
    try {
      throw_from(10);
    } catch (const std::runtime_error &) {
    }
  });
  measure("thread", CLOCK_MONOTONIC, 5000, [] { make_thread(10); });
#ifdef HANDLER
  int id = dumpcollect_watchdog_begin("benchmark", 60000);
  measure("tick", CLOCK_THREAD_CPUTIME_ID, 20000000, [id] { dumpcollect_watchdog_tick(id); });
  dumpcollect_watchdog_end(id);
#endif
}
