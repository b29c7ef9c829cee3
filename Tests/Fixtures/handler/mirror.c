// mirror PID REMOTE_MIRROR CONCURRENCY ADDRESS...
//
// What libswiftRemoteMirror says of tasks of another process, a line each: address, id, whether it is cancelled or enqueued, and
// the functions of its asynchronous contexts, or the error. CONCURRENCY is the runtime's library as the process has mapped it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

// swift_async_task_info_t of Swift 6.3.
typedef struct task_info {
  const char *error;
  unsigned kind, enqueue_priority;
  bool is_child, is_future, is_group_child, is_async_let, is_synchronous_start;
  unsigned max_priority;
  bool is_cancelled, is_record_locked, is_escalated, has_is_running, is_running, is_enqueued, has_thread_port;
  uint32_t thread_port;
  uint64_t id;
  uint64_t run_job, slab;
  unsigned child_count;
  uint64_t *children;
  unsigned frame_count;
  uint64_t *frames;
} task_info;

static pid_t pid;
static const char *runtime;
static uint64_t remote_base;

static uint64_t base_in(const char *maps) {
  FILE *file = fopen(maps, "r");
  char line[4096];
  uint64_t base = 0;
  while (!base && file && fgets(line, sizeof line, file))
    if (strstr(line, runtime)) base = strtoull(line, NULL, 16);
  if (file) fclose(file);
  return base;
}

static ssize_t peek(uint64_t address, void *into, size_t size) {
  struct iovec local = {into, size}, remote = {(void *)(uintptr_t)address, size};
  return process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

static int query_layout(void *context, int query, void *in, void *out) {
  (void)context, (void)in;
  switch (query) {
    case 0:  // size of a pointer
    case 1:  // size of size_t
      *(uint8_t *)out = 8;
      return 1;
    case 2:  // the bits of a pointer that are its address
      *(uint64_t *)out = ~0ull;
      return 1;
    case 3:  // low bits that Objective-C reserves
      *(uint8_t *)out = 0;
      return 1;
    case 4:  // least address of a pointer
      *(uint64_t *)out = 0x1000;
      return 1;
    default: return 0;
  }
}
static void free_bytes(void *context, const void *bytes, void *owner) {
  (void)context, (void)owner;
  free((void *)(uintptr_t)bytes);
}
static const void *read_bytes(void *context, uint64_t address, uint64_t size, void **owner) {
  (void)context;
  *owner = NULL;
  void *bytes = malloc(size ? size : 1);
  if (peek(address, bytes, size) == (ssize_t)size) return bytes;
  free(bytes);
  return NULL;
}
static uint64_t string_length(void *context, uint64_t address) {
  (void)context;
  uint64_t length = 0;
  char byte;
  while (peek(address + length, &byte, 1) == 1 && byte) length++;
  return length;
}
static uint64_t symbol_address(void *context, const char *name, uint64_t length) {
  (void)context;
  char text[512];
  snprintf(text, sizeof text, "%.*s", (int)length, name);
  void *local = dlsym(RTLD_DEFAULT, text);
  Dl_info info;
  if (!local || !dladdr(local, &info) || !strstr(info.dli_fname, "libswift_Concurrency")) return 0;
  return remote_base + ((uint64_t)(uintptr_t)local - (uint64_t)(uintptr_t)info.dli_fbase);
}

int main(int count, char **arguments) {
  if (count < 4) return 64;
  pid = atoi(arguments[1]);
  runtime = arguments[3];
  void *library = dlopen(arguments[2], RTLD_NOW);
  if (!library || !dlopen(runtime, RTLD_NOW | RTLD_GLOBAL)) {
    fprintf(stderr, "%s\n", dlerror());
    return 2;
  }
  void *(*create)(void *, void *, void *, void *, void *, void *);
  task_info (*ask)(void *, uint64_t);
  *(void **)&create = dlsym(library, "swift_reflection_createReflectionContextWithDataLayout");
  *(void **)&ask = dlsym(library, "swift_reflection_asyncTaskInfo");
  char maps[64];
  snprintf(maps, sizeof maps, "/proc/%d/maps", pid);
  remote_base = base_in(maps);
  void *context = create(NULL, query_layout, free_bytes, read_bytes, string_length, symbol_address);
  for (int i = 4; i < count; i++) {
    uint64_t address = strtoull(arguments[i], NULL, 0);
    task_info info = ask(context, address);
    if (info.error) {
      printf("%" PRIu64 " error %s\n", address, info.error);
      continue;
    }
    printf("%" PRIu64 " id %" PRIu64 " cancelled %d enqueued %d frames", address, info.id, info.is_cancelled, info.is_enqueued);
    for (unsigned f = 0; f < info.frame_count; f++) printf(" %" PRIu64, info.frames[f]);
    printf("\n");
  }
  return 0;
}
