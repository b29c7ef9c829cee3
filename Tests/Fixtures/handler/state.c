// A service with descriptors, connections and notes of known kinds and numbers. Lines on standard input ask for
// them; each is answered by one line.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dumpcollect.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

static int must(int result, const char *what) {
  if (result >= 0) return result;
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(2);
}

// Of each kind another number, so that none can pass for another.
static void open_all_kinds(const char *directory) {
  char path[4200];
  int ends[2];
  must(pipe(ends), "pipe");
  for (int i = 0; i < 3; i++) must(eventfd(0, 0), "eventfd");
  for (int i = 0; i < 4; i++) must(epoll_create1(0), "epoll");
  for (int i = 0; i < 5; i++) must(inotify_init1(0), "inotify");
  for (int i = 0; i < 6; i++) must(timerfd_create(CLOCK_MONOTONIC, 0), "timerfd");
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  for (int i = 0; i < 7; i++) must(signalfd(-1, &set, 0), "signalfd");
  for (int i = 0; i < 8; i++) must(memfd_create("kept", 0), "memfd");
  for (int i = 0; i < 9; i++) {
    snprintf(path, sizeof path, "%s/file-%d", directory, i);
    must(open(path, O_RDWR | O_CREAT, 0600), path);
  }
  for (int i = 0; i < 10; i++) {
    snprintf(path, sizeof path, "%s/gone-%d", directory, i);
    must(open(path, O_RDWR | O_CREAT, 0600), path);
    unlink(path);
  }
  for (int i = 0; i < 11; i++) must(open(directory, O_RDONLY | O_DIRECTORY), directory);
  for (int i = 0; i < 12; i++) must(open("/dev/null", O_RDWR), "/dev/null");
  must((int)syscall(SYS_pidfd_open, getpid(), 0), "pidfd_open");
  must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
  must(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), "socketpair");
  must(dup(ends[0]), "dup");
}

static int listen_on(int family, int *port) {
  int listener = must(socket(family, SOCK_STREAM, 0), "socket");
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  memset(&address, 0, sizeof address);
  address.ss_family = (sa_family_t)family;
  if (family == AF_INET6)
    ((struct sockaddr_in6 *)&address)->sin6_addr = in6addr_loopback;
  else
    ((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  must(bind(listener, (struct sockaddr *)&address, size), "bind");
  must(listen(listener, 4096), "listen");
  must(getsockname(listener, (struct sockaddr *)&address, &size), "getsockname");
  *port = ntohs(family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                   : ((struct sockaddr_in *)&address)->sin_port);
  return listener;
}

static int connect_to(int family, int port) {
  int client = must(socket(family, SOCK_STREAM, 0), "socket");
  struct sockaddr_in six4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port),
                             .sin6_addr = in6addr_loopback};
  must(family == AF_INET6 ? connect(client, (struct sockaddr *)&six, sizeof six)
                          : connect(client, (struct sockaddr *)&six4, sizeof six4),
       "connect");
  return client;
}

// Connects to a listening socket of this process, accepts, and closes the accepted ends of `closed` of them, so
// that those clients are left in CLOSE_WAIT.
static void talk_to_ourselves(int family, int count, int closed) {
  int port;
  int listener = listen_on(family, &port);
  for (int i = 0; i < count; i++) {
    int client = connect_to(family, port);
    int server = must(accept(listener, NULL, NULL), "accept");
    if (i >= closed) continue;
    close(server);
    char byte;
    must((int)read(client, &byte, 1), "read the end");
  }
  printf("port %d\n", port);
}

// Connects to somebody else's port.
static void talk_to(int port, int count) {
  for (int i = 0; i < count; i++) connect_to(AF_INET, port);
  printf("connected %d\n", count);
}

static int notes_a_thread;
static void *give_notes(void *argument) {
  for (int i = 0; i < notes_a_thread; i++) {
    char line[64];
    snprintf(line, sizeof line, "thread %d line %d", (int)(intptr_t)argument, i);
    dumpcollect_note(line);
  }
  return NULL;
}

static void give_notes_from(int threads, int count) {
  pthread_t ids[64];
  notes_a_thread = count;
  for (int i = 0; i < threads; i++) pthread_create(&ids[i], NULL, give_notes, (void *)(intptr_t)i);
  for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
  printf("noted\n");
}

static void *be_nice(void *argument) {
  struct sched_param parameters = {0};
  pthread_setname_np(pthread_self(), "batch");
  sched_setscheduler(0, SCHED_BATCH, &parameters);
  setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 7);
  *(volatile int *)argument = 1;
  for (;;) pause();
  return NULL;
}

static void obey(char *line) {
  int first, second;
  if (strncmp(line, "note ", 5) == 0) {
    printf("note %d\n", dumpcollect_note(line + 5));
  } else if (strncmp(line, "long note", 9) == 0) {
    // 486 bytes and then two of three: the character is cut out whole.
    char text[600];
    memset(text, 'x', sizeof text);
    memcpy(text + 486, "\xe2\x82\xac and more", 12);
    text[599] = 0;
    printf("note %d\n", dumpcollect_note(text));
  } else if (strncmp(line, "no note", 7) == 0) {
    printf("note %d\n", dumpcollect_note(NULL));
  } else if (sscanf(line, "notes %d %d", &first, &second) == 2) {
    give_notes_from(first, second);
  } else if (strncmp(line, "kinds ", 6) == 0) {
    open_all_kinds(line + 6);
    printf("opened\n");
  } else if (sscanf(line, "tcp4 %d %d", &first, &second) == 2) {
    talk_to_ourselves(AF_INET, first, second);
  } else if (sscanf(line, "tcp6 %d %d", &first, &second) == 2) {
    talk_to_ourselves(AF_INET6, first, second);
  } else if (sscanf(line, "connect %d %d", &first, &second) == 2) {
    talk_to(first, second);
  } else if (sscanf(line, "files %d", &first) == 1) {
    for (int i = 0; i < first; i++) must(open("/proc/self/status", O_RDONLY), "open");
    printf("opened\n");
  } else if (strcmp(line, "udp") == 0) {
    struct sockaddr_in any = {.sin_family = AF_INET};
    int udp = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
    must(bind(udp, (struct sockaddr *)&any, sizeof any), "bind");
    must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    printf("udp\n");
  } else if (strcmp(line, "nice") == 0) {
    volatile int done = 0;
    pthread_t thread;
    pthread_create(&thread, NULL, be_nice, (void *)&done);
    while (!done) sched_yield();
    printf("nice\n");
  } else if (strcmp(line, "exhaust") == 0) {
    struct rlimit limit = {96, 96};
    setrlimit(RLIMIT_NOFILE, &limit);
    while (dup(0) >= 0) continue;
    printf("exhausted\n");
  } else if (strcmp(line, "fork") == 0) {
    if (fork() == 0) {
      printf("child %d %d\n", getpid(), dumpcollect_note("from the child"));
      fflush(stdout);
      for (;;) pause();
    }
    return;
  } else {
    printf("unknown command\n");
  }
  fflush(stdout);
}

static void *serve(void *argument) {
  char line[4096];
  printf("ready\n");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    obey(line);
  }
  _exit(0);
  return argument;
}

int main(int argc, char **argv) {
  printf("before %d\n", dumpcollect_note("before it is installed"));
  int result = dumpcollect_install(NULL);
  if (result != 0) return 3;
  if (argc > 1 && strcmp(argv[1], "no-main") == 0) {
    // The leader ends: what /proc says of it is gone.
    pthread_t thread;
    pthread_create(&thread, NULL, serve, NULL);
    pthread_exit(NULL);
  }
  serve(NULL);
  return 0;
}
