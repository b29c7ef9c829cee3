// A C++ service: threads in templates and lambdas, one that throws and catches all the time.
#include <dumpcollect.h>
#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace service {

std::atomic<unsigned long> thrown{0};
std::atomic<unsigned long> work{0};
std::atomic<int> in_place{0};
int never[2];

[[gnu::noipa]] int block() {
  char byte;
  ++in_place;
  return static_cast<int>(read(never[0], &byte, 1)) + 1;
}

template <typename Request>
struct Connection {
  Request request;
  [[gnu::noipa]] int serve() { return request.handle() + 1; }
};

struct Lookup {
  int key;
  [[gnu::noipa]] virtual int handle() { return block() + key; }
  virtual ~Lookup() = default;
};

[[gnu::noipa]] int refuse(int value) {
  if (value % 2 != 0) throw std::runtime_error("refused");
  return value;
}

[[gnu::noipa]] void throw_all_the_time() {
  for (int value = 0;; value++) {
    try {
      work += static_cast<unsigned long>(refuse(value) >= 0);
    } catch (const std::runtime_error &) {
      ++thrown;
    }
  }
}

}  // namespace service

int main() {
  if (pipe(service::never) != 0) return 2;
  int result = dumpcollect_install(nullptr);
  std::fprintf(stderr, "install %d\n", result);
  std::vector<std::thread> threads;
  threads.emplace_back([] {
    service::Connection<service::Lookup> connection{{}};
    return connection.serve();
  });
  threads.emplace_back([] { service::throw_all_the_time(); });
  while (service::in_place < 1) std::this_thread::yield();
  std::puts("ready");
  std::fflush(stdout);
  char line[64];
  while (std::fgets(line, sizeof line, stdin)) {
    if (std::strcmp(line, "work\n") == 0) {
      std::printf("work %lu\n", service::work.load());
    } else if (std::strcmp(line, "thrown\n") == 0) {
      std::printf("thrown %lu\n", service::thrown.load());
    } else {
      // Whose unwinder carries out the throws of this program?
      Dl_info info{};
      dladdr(dlsym(RTLD_DEFAULT, "_Unwind_RaiseException"), &info);
      std::printf("unwinder %s\n", info.dli_fname ? info.dli_fname : "none");
    }
    std::fflush(stdout);
  }
  _exit(0);
}
