// libdebuginfod is loaded when it is asked for: it brings libcurl along, which few runs need.
#include "CDebuginfod.h"

#include <dlfcn.h>
#include <elfutils/debuginfod.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

static struct {
  __typeof__(&debuginfod_begin) begin;
  __typeof__(&debuginfod_end) end;
  __typeof__(&debuginfod_find_debuginfo) find_debug_file;
  __typeof__(&debuginfod_find_executable) find_executable;
  __typeof__(&debuginfod_find_source) find_source;
  __typeof__(&debuginfod_set_progressfn) set_progress;
  __typeof__(&debuginfod_set_user_data) set_user_data;
  __typeof__(&debuginfod_get_user_data) get_user_data;
} library;

static int is_loaded;

static void load(void) {
  void *handle = dlopen(DEBUGINFOD_SONAME, RTLD_NOW | RTLD_LOCAL);
  if (!handle) return;
  library.begin = (__typeof__(library.begin))dlsym(handle, "debuginfod_begin");
  library.end = (__typeof__(library.end))dlsym(handle, "debuginfod_end");
  library.find_debug_file =
      (__typeof__(library.find_debug_file))dlsym(handle, "debuginfod_find_debuginfo");
  library.find_executable =
      (__typeof__(library.find_executable))dlsym(handle, "debuginfod_find_executable");
  library.find_source = (__typeof__(library.find_source))dlsym(handle, "debuginfod_find_source");
  library.set_progress =
      (__typeof__(library.set_progress))dlsym(handle, "debuginfod_set_progressfn");
  library.set_user_data =
      (__typeof__(library.set_user_data))dlsym(handle, "debuginfod_set_user_data");
  library.get_user_data =
      (__typeof__(library.get_user_data))dlsym(handle, "debuginfod_get_user_data");
  is_loaded = library.begin && library.end && library.find_debug_file && library.find_executable &&
              library.find_source && library.set_progress && library.set_user_data && library.get_user_data;
}

int cdebuginfod_load(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  return is_loaded ? 0 : -1;
}

struct progress {
  cdebuginfod_progress report;
  void *context;
};

static int pass_on(debuginfod_client *client, long done, long total) {
  struct progress *progress = library.get_user_data(client);
  if (progress && progress->report) progress->report(progress->context, done, total);
  return 0;
}

int cdebuginfod_find(int kind, const char *source, const uint8_t *build_id, size_t count,
                         cdebuginfod_progress report, void *context, char **path) {
  *path = NULL;
  if (cdebuginfod_load() != 0) return -ENOSYS;
  debuginfod_client *client = library.begin();
  if (!client) return -ENOMEM;
  struct progress progress = {report, context};
  library.set_user_data(client, &progress);
  library.set_progress(client, pass_on);
  int result = -EINVAL;
  switch (kind) {
    case 0: result = library.find_debug_file(client, build_id, (int)count, path); break;
    case 1: result = library.find_executable(client, build_id, (int)count, path); break;
    case 2: result = library.find_source(client, build_id, (int)count, source, path); break;
  }
  library.end(client);
  return result;
}
