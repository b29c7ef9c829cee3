// The C++ form of the chains: namespaces, templates, lambdas, virtual calls, a call through std::function, a catch block.
//
// A line that a frame must show ends in a comment "at NAME".
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <semaphore.h>
#include <stdexcept>
#include <string>
#include <thread>

#include "dumpcollect.h"

#define NOINLINE __attribute__((noinline))
#define INLINE inline __attribute__((always_inline))

namespace {
int silent_pipe[2];
sem_t started;
std::atomic<unsigned long> work;
}  // namespace

namespace service {

NOINLINE int blockInRead(int descriptor) {
  char byte;
  ssize_t count = ::read(descriptor, &byte, 1);  // at blockInRead
  return static_cast<int>(count) + 1;
}

class Session {
 public:
  virtual ~Session() = default;
  virtual int keepAlive(const std::string &peer) = 0;
};

template <typename Key, int Shards>
class Client final : public Session {
 public:
  NOINLINE int keepAlive(const std::string &peer) override {
    return poll(peer.size()) + 1;  // at keepAlive
  }

 private:
  INLINE int poll(std::size_t) {
    return blockInRead(silent_pipe[0]) + Shards;  // at poll
  }
};

NOINLINE int run(Session &session, const std::string &peer) {
  return session.keepAlive(peer) + 1;  // at run
}

NOINLINE int call(const std::function<int(int)> &body) {
  return body(1) + 1;  // at call
}

NOINLINE int recover() {
  try {
    throw std::runtime_error("expected");
  } catch (const std::exception &) {
    return blockInRead(silent_pipe[0]) + 1;  // at recover
  }
}

}  // namespace service

static NOINLINE void name(const char *text) {
  pthread_setname_np(pthread_self(), text);
  sem_post(&started);
}

static NOINLINE int virtualMain() {
  name("virtual");
  std::unique_ptr<service::Session> session(new service::Client<std::string, 4>);
  return service::run(*session, "peer") + 1;  // at virtualMain
}

static NOINLINE int functionMain() {
  name("function");
  return service::call([](int seed) {  // at functionMain
    return service::blockInRead(silent_pipe[0]) + seed;  // at lambda
  }) + 1;
}

static NOINLINE int catchMain() {
  name("catch");
  return service::recover() + 1;  // at catchMain
}

static NOINLINE void spinnerMain() {
  name("spinner");
  for (;;) work.fetch_add(1);
}

static NOINLINE int serve() {
  char line[64];
  while (std::fgets(line, sizeof line, stdin)) {  // at serve
    if (std::strcmp(line, "work\n") == 0) std::printf("%lu\n", work.load());
    std::fflush(stdout);
  }
  return 0;
}

int main() {
  if (int error = dumpcollect_install(nullptr)) {
    std::fprintf(stderr, "dumpcollect_install: %s\n", std::strerror(-error));
    return 1;
  }
  if (pipe(silent_pipe)) return 1;
  sem_init(&started, 0, 0);
  std::thread(virtualMain).detach();
  std::thread(functionMain).detach();
  std::thread(catchMain).detach();
  std::thread(spinnerMain).detach();
  for (int i = 0; i < 4; i++) sem_wait(&started);
  std::puts("ready");
  std::fflush(stdout);
  int status = serve();  // at main
  return status;
}
