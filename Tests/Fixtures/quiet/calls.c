// One thread for each call that waits, each behind two functions of known names: what a signal does to it, and what a
// capture shows of it. Prints "ready" when all are about to wait; "results" answers with what each call returned since:
// `NAME returns errno …`.
#define _GNU_SOURCE
#include <dumpcollect.h>
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __clang__
#define KEPT __attribute__((noinline))
#else
#define KEPT __attribute__((noipa))
#endif
#define HOUR 3600

static int never[2];          // a pipe nobody writes to
static int queue, semaphores; // System V, removed by the child when we are gone
static pid_t child;
static const struct timespec hour = {HOUR, 0};
static int locked_file, lock_waiter, record_file, record_waiter;

static struct timespec in_an_hour(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  time.tv_sec += HOUR;
  return time;
}
static int unix_socket(int listens, int has_timeout) {
  int ends[2];
  if (listens) {
    ends[0] = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    // An abstract name that the kernel chooses.
    if (bind(ends[0], (struct sockaddr *)&address, sizeof(sa_family_t)) != 0 || listen(ends[0], 1) != 0) abort();
  } else if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
    abort();
  }
  struct timeval timeout = {HOUR, 0};
  if (has_timeout) setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  return ends[0];
}
static int epoll_set(void) {
  int set = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN};
  epoll_ctl(set, EPOLL_CTL_ADD, never[0], &event);
  return set;
}
static sigset_t user_signals(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  return set;
}

// MARK: The calls. Each returns what the call returned; errors of pthread functions go to errno.

#define CALL(name) KEPT static long call_##name(void)
CALL(nanosleep) { return nanosleep(&hour, NULL); }
CALL(clock_nanosleep) {
  struct timespec end = in_an_hour(CLOCK_MONOTONIC);
  int result = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
  errno = result;
  return result ? -1 : 0;
}
CALL(usleep) { return usleep(HOUR * 1000000u); }
CALL(poll) {
  struct pollfd file = {never[0], POLLIN, 0};
  return poll(&file, 1, HOUR * 1000);
}
CALL(ppoll) {
  struct pollfd file = {never[0], POLLIN, 0};
  return ppoll(&file, 1, &hour, NULL);
}
CALL(select) {
  fd_set files;
  FD_ZERO(&files);
  FD_SET(never[0], &files);
  struct timeval timeout = {HOUR, 0};
  return select(never[0] + 1, &files, NULL, NULL, &timeout);
}
CALL(pselect) {
  fd_set files;
  FD_ZERO(&files);
  FD_SET(never[0], &files);
  return pselect(never[0] + 1, &files, NULL, NULL, &hour, NULL);
}
CALL(epoll_wait) {
  struct epoll_event event;
  return epoll_wait(epoll_set(), &event, 1, -1);
}
CALL(epoll_pwait) {
  struct epoll_event event;
  return epoll_pwait(epoll_set(), &event, 1, HOUR * 1000, NULL);
}
CALL(recv_timeout) {
  char byte;
  return recv(unix_socket(0, 1), &byte, 1, 0);
}
CALL(accept_timeout) { return accept(unix_socket(1, 1), NULL, NULL); }
CALL(sem_timedwait) {
  sem_t semaphore;
  sem_init(&semaphore, 0, 0);
  struct timespec end = in_an_hour(CLOCK_REALTIME);
  return sem_timedwait(&semaphore, &end);
}
CALL(futex_timeout) {
  uint32_t word = 0;
  return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &hour, NULL, 0);
}
CALL(msgrcv) {
  struct {
    long type;
    char text[8];
  } message;
  return msgrcv(queue, &message, sizeof message.text, 1, 0);
}
CALL(semop) {
  struct sembuf take = {0, -1, 0};
  return semop(semaphores, &take, 1);
}
CALL(semtimedop) {
  struct sembuf take = {0, -1, 0};
  return semtimedop(semaphores, &take, 1, &hour);
}
CALL(sigtimedwait) {
  sigset_t set = user_signals();
  return sigtimedwait(&set, NULL, &hour);
}
CALL(sigwaitinfo) {
  sigset_t set = user_signals();
  return sigwaitinfo(&set, NULL);
}
CALL(sigsuspend) {
  sigset_t none;
  sigemptyset(&none);
  return sigsuspend(&none);
}
CALL(pause) { return pause(); }
static long suspend(const struct timespec *timeout) {
  static char byte;
  static struct aiocb request;
  static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&once);
  if (request.aio_nbytes == 0) {
    request.aio_fildes = never[0], request.aio_buf = &byte, request.aio_nbytes = 1;
    if (aio_read(&request) != 0) abort();
  }
  pthread_mutex_unlock(&once);
  const struct aiocb *list[] = {&request};
  return aio_suspend(list, 1, timeout);
}
CALL(aio_timeout) { return suspend(&hour) + 1; }
CALL(aio_suspend) { return suspend(NULL) + 1; }

CALL(read_pipe) {
  char byte;
  return read(never[0], &byte, 1);
}
CALL(read_eventfd) {
  eventfd_t value;
  return read(eventfd(0, 0), &value, sizeof value);
}
CALL(read_inotify) {
  char event[512];
  return read(inotify_init1(0), event, sizeof event);
}
CALL(read_timerfd) {
  uint64_t count;
  return read(timerfd_create(CLOCK_MONOTONIC, 0), &count, sizeof count);
}
CALL(recv) {
  char byte;
  return recv(unix_socket(0, 0), &byte, 1, 0);
}
CALL(accept) { return accept(unix_socket(1, 0), NULL, NULL); }
CALL(sem_wait) {
  sem_t semaphore;
  sem_init(&semaphore, 0, 0);
  return sem_wait(&semaphore);
}
CALL(futex) {
  uint32_t word = 0;
  return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}
CALL(waitpid) { return waitpid(child, NULL, 0); }
CALL(flock) { return flock(lock_waiter, LOCK_EX); }
CALL(fcntl_lock) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  return fcntl(record_waiter, F_OFD_SETLKW, &lock);
}
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
CALL(mutex_lock) {
  errno = pthread_mutex_lock(&held);
  return errno ? -1 : 0;
}
CALL(mutex_timedlock) {
  struct timespec end = in_an_hour(CLOCK_REALTIME);
  errno = pthread_mutex_timedlock(&held, &end);
  return errno ? -1 : 0;
}
CALL(cond_wait) {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
  pthread_mutex_lock(&mutex);
  errno = pthread_cond_wait(&condition, &mutex);
  return errno ? -1 : 0;
}
CALL(cond_timedwait) {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
  pthread_mutex_lock(&mutex);
  struct timespec end = in_an_hour(CLOCK_REALTIME);
  errno = pthread_cond_timedwait(&condition, &mutex, &end);
  return errno ? -1 : 0;
}
static pthread_t joined;
CALL(pthread_join) {
  errno = pthread_join(joined, NULL);
  return errno ? -1 : 0;
}
CALL(mq_receive) {
  char name[64], message[8];
  snprintf(name, sizeof name, "/dumpcollect-%d", getpid());
  struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = sizeof message};
  mqd_t messages = mq_open(name, O_RDONLY | O_CREAT | O_EXCL, 0600, &attributes);
  // Without the file system of message queues there is no such call to wait in.
  if (messages == (mqd_t)-1) return call_read_pipe();
  mq_unlink(name);
  return mq_receive(messages, message, sizeof message, NULL);
}

// MARK: Threads

static struct call {
  const char *name;
  long (*enter)(void);
  atomic_int returns;
  int last_errno;
} calls[] = {
#define ENTRY(name) {#name, call_##name, 0, 0}
    ENTRY(nanosleep),    ENTRY(clock_nanosleep), ENTRY(usleep),        ENTRY(poll),
    ENTRY(ppoll),        ENTRY(select),          ENTRY(pselect),       ENTRY(epoll_wait),
    ENTRY(epoll_pwait),  ENTRY(recv_timeout),    ENTRY(accept_timeout), ENTRY(sem_timedwait),
    ENTRY(futex_timeout), ENTRY(msgrcv),         ENTRY(semop),         ENTRY(semtimedop),
    ENTRY(sigtimedwait), ENTRY(sigwaitinfo),     ENTRY(sigsuspend),    ENTRY(pause),
    ENTRY(aio_timeout),  ENTRY(aio_suspend),     ENTRY(read_pipe),       ENTRY(read_eventfd),  ENTRY(read_inotify),
    ENTRY(read_timerfd), ENTRY(recv),            ENTRY(accept),        ENTRY(sem_wait),
    ENTRY(futex),        ENTRY(waitpid),         ENTRY(flock),         ENTRY(fcntl_lock),
    ENTRY(mutex_lock),   ENTRY(mutex_timedlock), ENTRY(cond_wait),     ENTRY(cond_timedwait),
    ENTRY(pthread_join), ENTRY(mq_receive),
};
enum { call_count = sizeof calls / sizeof *calls };
static atomic_int entered;

KEPT static long enter_call(struct call *call) { return call->enter() + 1; }

static void *run_call(void *argument) {
  struct call *call = argument;
  pthread_setname_np(pthread_self(), call->name);
  atomic_fetch_add(&entered, 1);
  for (;;) {
    errno = 0;
    enter_call(call);
    call->last_errno = errno;
    atomic_fetch_add(&call->returns, 1);
  }
  return NULL;
}

static void *wait_for_ever(void *argument) {
  pthread_setname_np(pthread_self(), "joined");
  char byte;
  return read(never[0], &byte, 1) == 1 ? argument : NULL;
}

static int temporary_file(void) {
  char path[] = "/tmp/dumpcollect-calls-XXXXXX";
  int file = mkstemp(path);
  char name[64];
  snprintf(name, sizeof name, "/proc/self/fd/%d", file);
  // The same file, opened a second time: locks are of an opening.
  int again = open(name, O_RDWR);
  unlink(path);
  lock_waiter = again;
  return file;
}

// Lives until we are gone, then takes away what would outlive us.
static void start_child(void) {
  int life[2];
  if (pipe2(life, O_CLOEXEC) != 0) abort();
  child = fork();
  if (child == 0) {
    close(life[1]);
    close(0), close(1);
    signal(SIGQUIT, SIG_IGN);
    char byte;
    while (read(life[0], &byte, 1) < 0 && errno == EINTR) continue;
    msgctl(queue, IPC_RMID, NULL);
    semctl(semaphores, 0, IPC_RMID);
    _exit(0);
  }
  close(life[0]);
}

static void print_results(void) {
  for (int i = 0; i < call_count; i++)
    printf("%s %d %d,", calls[i].name, atomic_load(&calls[i].returns), calls[i].last_errno);
  printf("\n");
  fflush(stdout);
}

int main(void) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  queue = msgget(IPC_PRIVATE, 0600);
  semaphores = semget(IPC_PRIVATE, 1, 0600);
  if (pipe2(never, O_CLOEXEC) != 0 || queue < 0 || semaphores < 0) return 2;
  start_child();
  if (dumpcollect_install(NULL) != 0) return 2;
  record_file = temporary_file();
  record_waiter = lock_waiter;
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  if (fcntl(record_file, F_OFD_SETLKW, &lock) != 0) return 2;
  locked_file = temporary_file();
  if (flock(locked_file, LOCK_EX) != 0) return 2;
  pthread_mutex_lock(&held);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 262144);
  if (pthread_create(&joined, &attributes, wait_for_ever, NULL) != 0) return 2;
  for (int i = 0; i < call_count; i++) {
    pthread_t thread;
    if (pthread_create(&thread, &attributes, run_call, &calls[i]) != 0) return 2;
  }
  while (atomic_load(&entered) < call_count) sched_yield();
  printf("ready\n");
  fflush(stdout);
  char line[64];
  size_t count = 0;
  while (read(0, line + count, 1) == 1) {
    if (line[count] == '\n') {
      print_results();
      count = 0;
    } else if (count < sizeof line - 1) {
      count++;
    }
  }
  _exit(0);
}
