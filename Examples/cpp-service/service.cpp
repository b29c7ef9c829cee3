// A queue and its workers; kill -QUIT its pid shows who waits where.
#include <dumpcollect.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <iostream>
#include <mutex>
#include <queue>
#include <stdexcept>
#include <thread>
#include <vector>

#include <unistd.h>

namespace shop {

class OrderQueue {
 public:
  void put(int order) {
    std::lock_guard lock(mutex_);
    orders_.push(order);
    arrived_.notify_one();
  }

  int take() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return !orders_.empty(); });
    int order = orders_.front();
    orders_.pop();
    return order;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::queue<int> orders_;
};

void ship(int order) {
  if (order % 7 == 0) throw std::runtime_error("sold out");
}

void work(OrderQueue &queue) {
  for (;;) {
    try {
      ship(queue.take());
    } catch (const std::runtime_error &) {
      // Exceptions cost what they always did: the handler leaves the C++ unwinder alone.
    }
  }
}

}  // namespace shop

int main() {
  if (int error = dumpcollect_install(nullptr)) std::cerr << "no dumps: " << std::strerror(-error) << '\n';

  shop::OrderQueue queue;
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; i++) workers.emplace_back(shop::work, std::ref(queue));
  std::cout << "ready, pid " << getpid() << std::endl;
  for (int order = 1;; order++) {
    queue.put(order);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}
