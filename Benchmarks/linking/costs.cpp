// What calls of a service cost, in nanoseconds: a throw through ten frames, a thread made and joined, a watchdog's tick.
#include <pthread.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#ifdef HANDLER
#include <dumpcollect.h>
#endif

static double now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
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
static void measure(const char *name, int count, Body body) {
  for (int i = 0; i < count / 10; i++) body();
  double begin = now();
  for (int i = 0; i < count; i++) body();
  std::printf("%s %.2f\n", name, (now() - begin) / count);
}

int main() {
#ifdef HANDLER
  if (dumpcollect_install(nullptr) != 0) return 1;
#endif
  measure("throw", 20000, [] {
    try {
      throw_from(10);
    } catch (const std::runtime_error &) {
    }
  });
  measure("thread", 5000, [] { make_thread(10); });
#ifdef HANDLER
  int id = dumpcollect_watchdog_begin("benchmark", 60000);
  measure("tick", 20000000, [id] { dumpcollect_watchdog_tick(id); });
  dumpcollect_watchdog_end(id);
#endif
}
