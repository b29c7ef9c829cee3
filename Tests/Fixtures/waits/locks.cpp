// Threads that wait for the locks of the C++ library; "owner" has them. Prints "ready" when all are about to wait.
#include <dumpcollect.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <shared_mutex>
#include <thread>

namespace shop {
std::mutex stock;
std::recursive_mutex orders;
std::shared_mutex prices;
std::condition_variable arrived;
std::mutex of_arrived;
std::once_flag opened;
std::atomic<int> begun, held;

struct Slow {
  Slow() {
    held++;
    for (;;) pause();
  }
};

Slow &slow() {
  static Slow value;
  return value;
}
}  // namespace shop

template <typename Body>
static void start(const char *name, Body body) {
  std::thread thread([=] {
    shop::begun++;
    body();
  });
  pthread_setname_np(thread.native_handle(), name);
  thread.detach();
}

static void wait_until(std::atomic<int> &counter, int value) {
  while (counter < value) usleep(1000);
}

int main() {
  if (dumpcollect_install(nullptr) != 0) return 2;
  start("owner", [] {
    shop::stock.lock();
    shop::orders.lock();
    shop::prices.lock();
    shop::held++;
    for (;;) pause();
  });
  start("initializer", [] { shop::slow(); });
  start("opener", [] {
    std::call_once(shop::opened, [] {
      shop::held++;
      for (;;) pause();
    });
  });
  wait_until(shop::held, 3);
  start("stock", [] { shop::stock.lock(); });
  start("orders", [] { shop::orders.lock(); });
  start("prices", [] { shop::prices.lock_shared(); });
  start("pricing", [] { shop::prices.lock(); });
  start("arrival", [] {
    std::unique_lock<std::mutex> lock(shop::of_arrived);
    for (;;) shop::arrived.wait(lock);
  });
  start("static", [] { shop::slow(); });
  start("once", [] { std::call_once(shop::opened, [] {}); });
  wait_until(shop::begun, 10);
  std::puts("ready");
  std::fflush(stdout);
  char line[16];
  if (!std::fgets(line, sizeof line, stdin)) _exit(0);
  _exit(0);
}
