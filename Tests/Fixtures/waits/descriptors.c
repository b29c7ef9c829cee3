// Threads that wait in calls on descriptors, each named after what it does. Prints "ready PORT4 PORT6" with the ports of
// the listening sockets when all are about to wait.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dumpcollect.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static atomic_int begun;
static int listener4, listener6, client4, server4, client6, server6, unix_listener, unix_client, unix_server;
static int datagram, pipe_ends[2], full_pipe[2], event, epoll, locked_file, ranged_file;
static pid_t child;

static void need(int condition, const char *what) {
  if (condition) return;
  perror(what);
  _exit(3);
}

static int listen_on(int family, struct sockaddr *address, socklen_t size) {
  int descriptor = socket(family, SOCK_STREAM, 0);
  need(descriptor >= 0 && bind(descriptor, address, size) == 0 && listen(descriptor, 8) == 0, "listen");
  need(getsockname(descriptor, address, &size) == 0, "getsockname");
  return descriptor;
}

static int connect_to(int family, struct sockaddr *address, socklen_t size) {
  int descriptor = socket(family, SOCK_STREAM, 0);
  need(descriptor >= 0 && connect(descriptor, address, size) == 0, "connect");
  return descriptor;
}

static void *wait_in(void *argument) {
  const char *what = argument;
  char bytes[4096] = {0};
  atomic_fetch_add(&begun, 1);
  if (!strcmp(what, "recv v4")) need(recv(client4, bytes, 1, 0) >= 0, what);
  if (!strcmp(what, "read v4")) need(read(server4, bytes, 1) >= 0, what);
  if (!strcmp(what, "recv v6")) need(recv(client6, bytes, 1, 0) >= 0, what);
  if (!strcmp(what, "accept v4")) accept(listener4, NULL, NULL);
  if (!strcmp(what, "accept unix")) accept(unix_listener, NULL, NULL);
  if (!strcmp(what, "recv unix")) need(recv(unix_client, bytes, 1, 0) >= 0, what);
  if (!strcmp(what, "read unix")) need(read(unix_server, bytes, 1) >= 0, what);
  if (!strcmp(what, "recvfrom udp")) need(recvfrom(datagram, bytes, 1, 0, NULL, NULL) >= 0, what);
  if (!strcmp(what, "read pipe")) need(read(pipe_ends[0], bytes, 1) >= 0, what);
  if (!strcmp(what, "write pipe"))
    for (;;) need(write(full_pipe[1], bytes, sizeof bytes) >= 0, what);
  if (!strcmp(what, "read event")) need(read(event, bytes, 8) >= 0, what);
  if (!strcmp(what, "flock")) flock(locked_file, LOCK_EX);
  if (!strcmp(what, "fcntl")) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    fcntl(ranged_file, F_OFD_SETLKW, &lock);
  }
  if (!strcmp(what, "child")) waitpid(child, NULL, 0);
  if (!strcmp(what, "any child")) waitid(P_ALL, 0, (siginfo_t *)bytes, WEXITED | WNOWAIT);
  if (!strcmp(what, "poll")) {
    struct pollfd polled[] = {{client4, POLLIN, 0}, {-1, 0, 0}, {pipe_ends[0], POLLIN, 0}, {event, POLLIN, 0}};
    poll(polled, 4, 7654321);
  }
  if (!strcmp(what, "many")) {
    static struct pollfd polled[70];
    for (int i = 0; i < 70; i++) polled[i] = (struct pollfd){pipe_ends[0], POLLIN, 0};
    ppoll(polled, 70, &(struct timespec){4321, 0}, NULL);
  }
  if (!strcmp(what, "select")) {
    fd_set reading, failing;
    FD_ZERO(&reading);
    FD_ZERO(&failing);
    FD_SET(pipe_ends[0], &reading);
    FD_SET(client6, &failing);
    // The last one is opened behind the others, and beyond the number given: it is not waited for.
    FD_SET(event, &reading);
    select(event, &reading, NULL, &failing, NULL);
  }
  struct epoll_event found;
  if (!strcmp(what, "epoll")) epoll_wait(epoll, &found, 1, -1);
  if (!strcmp(what, "sleep")) nanosleep(&(struct timespec){86400, 500000000}, NULL);
  for (;;) pause();
  return NULL;
}

int main(int count, char **arguments) {
  if (count < 3 || dumpcollect_install(NULL) != 0) return 2;
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  listener4 = listen_on(AF_INET, (struct sockaddr *)&v4, sizeof v4);
  client4 = connect_to(AF_INET, (struct sockaddr *)&v4, sizeof v4);
  server4 = accept(listener4, NULL, NULL);
  listener6 = listen_on(AF_INET6, (struct sockaddr *)&v6, sizeof v6);
  client6 = connect_to(AF_INET6, (struct sockaddr *)&v6, sizeof v6);
  server6 = accept(listener6, NULL, NULL);
  struct sockaddr_un path = {.sun_family = AF_UNIX};
  snprintf(path.sun_path, sizeof path.sun_path, "%s", arguments[1]);
  unix_listener = listen_on(AF_UNIX, (struct sockaddr *)&path, sizeof path);
  snprintf(path.sun_path, sizeof path.sun_path, "%s", arguments[1]);
  unix_client = connect_to(AF_UNIX, (struct sockaddr *)&path, sizeof path);
  unix_server = accept(unix_listener, NULL, NULL);
  datagram = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  need(bind(datagram, (struct sockaddr *)&any, sizeof any) == 0, "bind");
  need(pipe(pipe_ends) == 0 && pipe(full_pipe) == 0, "pipe");
  event = eventfd(0, 0);
  int lock_holder = open(arguments[2], O_RDWR | O_CREAT, 0600), range_holder = open(arguments[2], O_RDWR);
  locked_file = open(arguments[2], O_RDWR);
  ranged_file = open(arguments[2], O_RDWR);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  need(flock(lock_holder, LOCK_EX) == 0 && fcntl(range_holder, F_OFD_SETLK, &lock) == 0, "lock");
  epoll = epoll_create1(0);
  int watched[] = {client6, pipe_ends[0], listener4};
  for (int i = 0; i < 3; i++) {
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = watched[i]};
    need(epoll_ctl(epoll, EPOLL_CTL_ADD, watched[i], &wanted) == 0, "epoll_ctl");
  }
  child = fork();
  if (child == 0) {
    // It must not outlive a service that is killed: whoever waits for the end of that one's pipes would wait for ever.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) pause();
  }
  static const char *const all[] = {
      "recv v4", "read v4", "recv v6", "accept v4", "accept unix", "recv unix", "read unix", "recvfrom udp", "read pipe",
      "write pipe", "read event", "flock", "fcntl", "child", "any child", "poll", "many", "select", "epoll", "sleep"};
  int threads = sizeof all / sizeof *all;
  for (int i = 0; i < threads; i++) {
    pthread_t thread;
    need(pthread_create(&thread, NULL, wait_in, (void *)all[i]) == 0, "pthread_create");
    pthread_setname_np(thread, all[i]);
  }
  while (atomic_load(&begun) < threads) usleep(1000);
  printf("ready %d %d %d %d %d %d %d\n", ntohs(v4.sin_port), ntohs(v6.sin6_port), (int)child, client4, client6,
         pipe_ends[0], event);
  fflush(stdout);
  char line[16];
  if (!fgets(line, sizeof line, stdin)) line[0] = 0;
  kill(child, SIGKILL);
  _exit(0);
}
