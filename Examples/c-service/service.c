/*
 * A service of three threads that can be asked what they do: kill -QUIT its pid.
 * kill -SEGV ends it as a wild pointer would, with a capture of the crash.
 */
#include <dumpcollect.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t ledger = PTHREAD_MUTEX_INITIALIZER;

static void *book_entries(void *unused) {
  for (;;) {
    pthread_mutex_lock(&ledger);
    usleep(1000); /* writes an entry */
    pthread_mutex_unlock(&ledger);
    sleep(1);
  }
  return unused;
}

int main(void) {
  int error = dumpcollect_install(NULL);
  if (error) fprintf(stderr, "no dumps: %s\n", strerror(-error));

  pthread_t bookkeepers[2];
  for (int i = 0; i < 2; i++)
    if (pthread_create(&bookkeepers[i], NULL, book_entries, NULL)) return 1;
  printf("ready, pid %d\n", (int)getpid());
  fflush(stdout);
  return pthread_join(bookkeepers[0], NULL);
}
