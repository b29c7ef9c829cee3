// Threads that wait for work in every pool and loop that C and C++ services commonly have, one group a thread name; and
// some that look like it and are none. Prints "ready" and lives until its standard input ends.

#include <dumpcollect.h>

#include <asio.hpp>
#include <condition_variable>
#include <deque>
#include <event2/event.h>
#include <event2/thread.h>
#include <functional>
#include <glib.h>
#include <mutex>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <uv.h>
#include <vector>

namespace shop {

static void name(const char *text) { pthread_setname_np(pthread_self(), text); }

static void start(const char *text, std::function<void()> body) {
  std::thread([text, body] {
    name(text);
    body();
  }).detach();
}

/// A pool as services write them: workers take jobs from one queue.
class Pool {
public:
  explicit Pool(int count) {
    for (int i = 0; i < count; i++) start("pool", [this] { work(); });
  }

private:
  std::function<void()> take() {
    std::unique_lock<std::mutex> lock(mutex);
    filled.wait(lock, [this] { return !jobs.empty(); });
    auto job = jobs.front();
    jobs.pop_front();
    return job;
  }
  void work() {
    for (;;) take()();
  }

  std::mutex mutex;
  std::condition_variable filled;
  std::deque<std::function<void()>> jobs;
};

/// One that each client has: its thread waits for this client's own condition.
class Client {
public:
  Client() { start("client", [this] { keepAlive(); }); }

private:
  void keepAlive() {
    std::unique_lock<std::mutex> lock(mutex);
    closed.wait(lock, [this] { return isClosed; });
  }

  std::mutex mutex;
  std::condition_variable closed;
  bool isClosed = false;
};

static void epollLoop(int loop) {
  epoll_event events[16];
  for (;;) {
    int count = epoll_wait(loop, events, 16, -1);
    for (int i = 0; i < count; i++) putchar('.');
  }
}

static int epollWith(int descriptor) {
  int loop = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  epoll_ctl(loop, EPOLL_CTL_ADD, descriptor, &event);
  return loop;
}

/// Blocks in the middle of a request: an answer is waited for, not work.
static int receiveAnswer(int loop) {
  epoll_event event;
  return epoll_wait(loop, &event, 1, -1) + 1;
}
static int query(int loop) { return receiveAnswer(loop) + 1; }
static int handle(int loop) { return query(loop) + 1; }
static int serve(int loop) { return handle(loop) + 1; }

static void blockInJob(gpointer, gpointer) {
  name("glib job");
  pause();
}

} // namespace shop

int main() {
  using namespace shop;
  if (dumpcollect_install(nullptr) != 0) return 1;
  Pool pool(4);
  std::vector<Client *> clients;
  for (int i = 0; i < 12; i++) clients.push_back(new Client());
  int never = eventfd(0, EFD_CLOEXEC);
  start("epoll", [never] { epollLoop(epollWith(never)); });
  start("request", [never] { printf("%d\n", serve(epollWith(never))); });

  asio::io_context io;
  auto work = asio::make_work_guard(io);
  for (int i = 0; i < 3; i++) start("asio", [&io] { io.run(); });
  asio::thread_pool asioPool(2);
  // A job of it that blocks is no idle worker.
  asio::post(asioPool, [] {
    name("asio job");
    pause();
  });

  event_base *base = (evthread_use_pthreads(), event_base_new());
  event *persistent = event_new(base, never, EV_READ | EV_PERSIST, [](int, short, void *) {}, nullptr);
  event_add(persistent, nullptr);
  start("libevent", [base] { event_base_dispatch(base); });

  GMainContext *context = g_main_context_new();
  GMainLoop *loop = g_main_loop_new(context, FALSE);
  start("glib", [loop] { g_main_loop_run(loop); });
  GThreadPool *gpool = g_thread_pool_new([](gpointer, gpointer) {}, nullptr, 2, TRUE, nullptr);
  g_thread_pool_push(gpool, &pool, nullptr);
  GThreadPool *busy = g_thread_pool_new(blockInJob, nullptr, 1, TRUE, nullptr);
  g_thread_pool_push(busy, &pool, nullptr);

  uv_loop_t uv;
  uv_loop_init(&uv);
  uv_async_t async;
  uv_async_init(&uv, &async, [](uv_async_t *) {});
  uv_work_t request;
  uv_work_t blocking;
  uv_queue_work(&uv, &request, [](uv_work_t *) {}, [](uv_work_t *, int) {});
  uv_queue_work(
      &uv, &blocking,
      [](uv_work_t *) {
        name("uv job");
        pause();
      },
      [](uv_work_t *, int) {});
  start("libuv", [&uv] { uv_run(&uv, UV_RUN_DEFAULT); });

#pragma omp parallel num_threads(3)
  {
    asm volatile("");
  }
  puts("ready");
  fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  _exit(0);
}
