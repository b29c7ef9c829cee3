/*
 * dumpcollect.h: live dumps of a running service.
 *
 * Link with -ldumpcollect, call dumpcollect_install(NULL) once at the start of main, and send the
 * process SIGQUIT: a capture of all its threads appears in the capture directory and the service
 * goes on. `dumpcollect symbolize` makes a report of the capture.
 *
 * C99 and C++11. Functions that return int give 0 or a negative errno. All functions may be called
 * from any ordinary thread, none from a signal handler.
 */
#ifndef DUMPCOLLECT_H
#define DUMPCOLLECT_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DUMPCOLLECT_EXPORT __attribute__((visibility("default")))
#else
#define DUMPCOLLECT_EXPORT
#endif

/*
 * What can be chosen. Fill the whole with zeros, set `size`, and then what you want to change:
 * in every number 0 means the default, -1 none or off, 1 (where a switch) on.
 * The environment variable DUMPCOLLECT wins over everything here.
 */
typedef struct dumpcollect_options {
  size_t size;             /* sizeof(dumpcollect_options): lets the struct grow */
  const char *directory;   /* where captures go, at most 900 bytes; NULL: $STATE_DIRECTORY,
                              $XDG_STATE_HOME/dumpcollect, $HOME/.local/state/dumpcollect or
                              /var/tmp/dumpcollect-UID, the first that can be written. One that is
                              given is tried first, at every capture. */
  int64_t dump_signal;     /* asks for a capture; default SIGQUIT */
  int64_t thread_signal;   /* sent to the threads; default SIGPROF */
  int64_t on_crash;        /* fatal signals make a capture, and then what they did before; default on */
  int64_t timeout_ms;      /* bound of one capture; default 2000 */
  int64_t max_captures;    /* files kept in the directory; default 32 */
  int64_t max_total_bytes; /* bytes kept in the directory; default 1 GiB */
  int64_t min_interval_ms; /* least time between the starts of two captures; default 1000 */
  int64_t max_frames;      /* frames of a thread; default 512, at most 16384 */
  int64_t tasks;           /* Swift tasks captured with their asynchronous stacks; default on */
  int64_t stack_bytes;     /* stack bytes of each thread written; default none, at most 1 MiB */
  int64_t environment;     /* values of environment variables written, not names alone; default off */
  int64_t arguments;       /* arguments of the process written; default off */
  int64_t thread_origins;  /* threads made through libdumpcollect-threads or the preload form carry the stack
                              that created them; default off */
  int64_t crash_limits;    /* SIGXCPU and SIGXFSZ are fatal signals too; default off */
} dumpcollect_options;

/*
 * Arms the handler. NULL: the environment and the defaults. -EALREADY: it is armed already.
 * -EINVAL: a value out of its range (one line on stderr names it). When the directory or libunwind
 * is missing it arms all the same, says so on stderr, and tries again at each capture. With
 * DUMPCOLLECT=off it does nothing and returns 0.
 */
DUMPCOLLECT_EXPORT int dumpcollect_install(const dumpcollect_options *options);

/*
 * Takes the dump signal's action back where it is still ours, and ends the collector thread.
 * The thread signal's action stays: one that is still pending would otherwise end the process.
 */
DUMPCOLLECT_EXPORT int dumpcollect_uninstall(void);

/*
 * One capture now; returns when its file is published. `reason` (at most 255 bytes, may be NULL)
 * goes into the capture. -EAGAIN: the last capture is younger than the minimum interval; where it began while this call
 * was made, the request is kept and answered by the next capture.
 * -ETIMEDOUT, -ENOSPC, … as the capture failed. -ENOTCONN: not installed.
 */
DUMPCOLLECT_EXPORT int dumpcollect_capture(const char *reason);

/*
 * The path of the last published capture, NULL when there was none. The text stays as it is until
 * this thread calls the function again.
 */
DUMPCOLLECT_EXPORT const char *dumpcollect_last_capture(void);

/*
 * Gives the calling thread an alternate signal stack, so that an overflow of its own stack can be captured; one that
 * it has already is left alone. It is given back when the thread ends, or by dumpcollect_thread_detach.
 * -ENOTCONN: not installed. -ENOMEM: no memory for it. -EPERM: called on that very stack.
 */
DUMPCOLLECT_EXPORT int dumpcollect_thread_attach(void);
DUMPCOLLECT_EXPORT int dumpcollect_thread_detach(void);

/*
 * What stands behind the pthread_create of libdumpcollect-threads, for programs that make threads in a way of their
 * own: makes a thread by calling `create`, gives it an alternate signal stack and, with thread_origins, notes the
 * stack of its creator from the frame on that returns to `caller` (__builtin_return_address(0)). Returns what
 * `create` returns. Where the handler is not armed it calls `create` and does nothing else.
 */
DUMPCOLLECT_EXPORT int dumpcollect_thread_create(
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *), pthread_t *thread,
    const pthread_attr_t *attributes, void *(*start)(void *), void *argument, const void *caller);

/*
 * A label of the calling thread (request id, tenant), written into captures: key at most 31 bytes,
 * value at most 127, cut there; NULL removes the key. A thread keeps up to eight.
 * -ENOSPC: the thread has eight, or the process 4096 labelled threads. -ENOTCONN: not installed.
 */
DUMPCOLLECT_EXPORT int dumpcollect_set_label(const char *key, const char *value);

/*
 * Keeps a line (at most 487 bytes, cut there; a line end at its end is left out): the last 256 go into each
 * capture, with time and thread. Never waits, takes no lock: a log handler may call it for each of its lines.
 * A line is not kept while a thread that is 256 lines behind still writes in its place. A forked child begins
 * with none. -ENOTCONN: not installed. -EINVAL: NULL.
 */
DUMPCOLLECT_EXPORT int dumpcollect_note(const char *line);

/*
 * Watches over something that has to come by again and again: an event loop, a worker, a replication stream. When no
 * tick came for `limit_ms` (10 to 86400000), a capture is made at once, whose reason names the watchdog, the thread that
 * began it and the silence; and again only after it has ticked. `min_interval_ms` holds. Begin returns an id, at most
 * 128 at a time; any thread may tick and end it. A tick is a store, without a system call; with an id that is none it
 * does nothing. A forked child begins with none. Time in which the whole process was stopped does not count.
 * -ENOTCONN: not installed. -EINVAL: no name (at most 47 bytes, cut there), a limit out of range, an id that is none.
 * -ENOSPC: there are 128.
 */
DUMPCOLLECT_EXPORT int dumpcollect_watchdog_begin(const char *name, int64_t limit_ms);
DUMPCOLLECT_EXPORT void dumpcollect_watchdog_tick(int id);
DUMPCOLLECT_EXPORT int dumpcollect_watchdog_end(int id);

/* The version of this library, MAJOR.MINOR.PATCH. */
DUMPCOLLECT_EXPORT const char *dumpcollect_version(void);

#ifdef __cplusplus
}
#endif

#endif
