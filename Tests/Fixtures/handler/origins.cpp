// A thread that libstdc++ makes, which keeps no frame pointer.
#include <dumpcollect.h>
#include <cstdio>
#include <pthread.h>
#include <semaphore.h>
#include <thread>
#include <unistd.h>

namespace pool {
sem_t in_place;

[[gnu::noipa]] std::thread open() {
  return std::thread([] {
    pthread_setname_np(pthread_self(), "worker");
    sem_post(&in_place);
    for (;;) pause();
  });
}
}  // namespace pool

int main() {
  sem_init(&pool::in_place, 0, 0);
  if (dumpcollect_install(nullptr) != 0) return 1;
  std::thread worker = pool::open();
  sem_wait(&pool::in_place);
  std::puts("ready");
  std::fflush(stdout);
  worker.join();
}
