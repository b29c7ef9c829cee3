// Threads that come in the way that the first argument says, all with one stack; prints "ready" and lives until its
// standard input ends.
//
//   leak       one every 40 ms for 2 s, each waits for a condition of its own
//   server     the same, and all wait for one condition: a pool that grows as it is needed
//   pool       all at once
//   stopped    one every 40 ms for 1.2 s, and none for 2 s

#include <dumpcollect.h>

#include <condition_variable>
#include <mutex>
#include <stdio.h>
#include <string>
#include <thread>
#include <unistd.h>

struct Signal {
  std::mutex mutex;
  std::condition_variable changed;
  bool isSet = false;
};

class Client {
public:
  explicit Client(Signal *signal) : signal(signal) {
    std::thread([this] { keepAlive(); }).detach(); // at: create
  }

private:
  void keepAlive() {
    std::unique_lock<std::mutex> lock(signal->mutex);
    while (!signal->isSet) signal->changed.wait(lock); // at: wait
  }

  Signal *signal;
};

static void handleRequest(Signal *signal) { new Client(signal); }

int main(int, char **arguments) {
  if (dumpcollect_install(nullptr) != 0) return 1;
  std::string way = arguments[1];
  Signal common;
  int count = way == "stopped" ? 30 : 50;
  for (int i = 0; i < count; i++) {
    handleRequest(way == "server" ? &common : new Signal);
    if (way != "pool") usleep(40000);
  }
  if (way == "stopped") sleep(2);
  puts("ready");
  fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  _exit(0);
}
