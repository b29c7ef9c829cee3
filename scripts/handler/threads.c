/*
 * libdumpcollect-threads.a, and part of libdumpcollect-preload.so: pthread_create and thrd_create in the place of
 * libc's, so that every thread has an alternate signal stack and, if asked for, says where it was created.
 */
#define _GNU_SOURCE
#include "dumpcollect.h"

#include <dlfcn.h>
#include <pthread.h>
#include <threads.h>

/* `-u dumpcollect_threads` takes this object in, whoever else has a pthread_create (libc, a sanitizer) and whether or
   not the program itself asks for one. */
__attribute__((visibility("hidden"))) const char dumpcollect_threads = 1;

typedef int pthread_function(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
typedef int thrd_function(thrd_t *, thrd_start_t, void *);

/* In a fully static program there is no next definition: libc.a has its own under these names, ours are the weak
   ones' place. In a dynamic program nobody exports them. */
extern pthread_function __pthread_create_2_1 __attribute__((weak));
extern thrd_function __thrd_create __attribute__((weak));
extern void *dlsym(void *, const char *) __attribute__((weak));

static void *next(const char *name) { return dlsym ? dlsym(RTLD_NEXT, name) : 0; }

static pthread_function *libc_pthread_create(void) {
  static pthread_function *known;
  pthread_function *found = __atomic_load_n(&known, __ATOMIC_RELAXED);
  if (!found) {
    found = __pthread_create_2_1 ? __pthread_create_2_1 : (pthread_function *)next("pthread_create");
    __atomic_store_n(&known, found, __ATOMIC_RELAXED);
  }
  return found;
}

int pthread_create(
    pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
  return dumpcollect_thread_create(
      libc_pthread_create(), thread, attributes, start, argument, __builtin_return_address(0));
}

/* libc's own thrd_create makes threads without pthread_create, and tells them from others: the start function's
   int is what thrd_join returns. */
static int create_thrd(
    pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
  static thrd_function *known;
  thrd_function *found = __atomic_load_n(&known, __ATOMIC_RELAXED);
  (void)attributes;
  if (!found) {
    found = __thrd_create ? __thrd_create : (thrd_function *)next("thrd_create");
    if (!found) return thrd_error;
    __atomic_store_n(&known, found, __ATOMIC_RELAXED);
  }
  return found(thread, (thrd_start_t)(void *)start, argument);
}

int thrd_create(thrd_t *thread, thrd_start_t start, void *argument) {
  return dumpcollect_thread_create(
      create_thrd, thread, NULL, (void *(*)(void *))(void *)start, argument, __builtin_return_address(0));
}
