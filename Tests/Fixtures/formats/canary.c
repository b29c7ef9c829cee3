// A service that has secrets wherever a capture may keep some: for tests of redaction.
//
// Arguments: an address of loopback to listen on, the path of a unix socket, and words that nobody reads.
#include <arpa/inet.h>
#include <dumpcollect.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connected[2], local[2];

static void *wait_for_peer(void *name) {
  char byte;
  pthread_setname_np(pthread_self(), name);
  dumpcollect_set_label("tenant", "canary-label");
  dumpcollect_set_label("role", "reader");
  return (void *)read(strcmp(name, "tcp") == 0 ? connected[1] : local[1], &byte, 1);
}

static int connect_to(struct sockaddr *address, socklen_t size, int family, int *pair) {
  int listener = socket(family, SOCK_STREAM, 0);
  if (bind(listener, address, size) || listen(listener, 1) || getsockname(listener, address, &size)) return -1;
  pair[0] = socket(family, SOCK_STREAM, 0);
  if (connect(pair[0], address, size)) return -1;
  pair[1] = accept(listener, NULL, NULL);
  return pair[1];
}

int main(int argc, char **argv) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  struct sockaddr_un path = {.sun_family = AF_UNIX};
  pthread_t threads[2];
  if (argc < 3 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) return 2;
  strncpy(path.sun_path, argv[2], sizeof path.sun_path - 1);
  if (dumpcollect_install(NULL) != 0) return 3;
  if (connect_to((struct sockaddr *)&address, sizeof address, AF_INET, connected) < 0) return 4;
  if (connect_to((struct sockaddr *)&path, sizeof path, AF_UNIX, local) < 0) return 5;
  dumpcollect_note("canary-note was paid");
  pthread_create(&threads[0], NULL, wait_for_peer, "tcp");
  pthread_create(&threads[1], NULL, wait_for_peer, "unix");
  puts("ready");
  fflush(stdout);
  char line[16];
  if (!fgets(line, sizeof line, stdin)) return 6;
  dumpcollect_capture("canary-reason");
  puts("captured");
  fflush(stdout);
  // Signals of captures end one wait.
  for (;;) pause();
}
