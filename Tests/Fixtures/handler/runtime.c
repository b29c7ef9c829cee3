// A program that says it has a Swift runtime: variables for debuggers whose values are given when it is compiled. Objects that
// begin as its tasks do lie in its heap.
#include <dumpcollect.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef VERSION
#define VERSION 1
#endif
#ifndef SIZE
#define SIZE 208
#endif
#ifndef ESCALATES
#define ESCALATES 0
#endif

static const uint64_t metadata[4], slab[4];
static void adapter(void) {}
const void *_swift_concurrency_debug_asyncTaskMetadata = metadata;
#ifndef NO_SLAB
const void *_swift_concurrency_debug_asyncTaskSlabMetadata = slab;
#endif
const size_t _swift_concurrency_debug_asyncTaskSize = SIZE;
const uint32_t _swift_concurrency_debug_internal_layout_version = VERSION;
const uint8_t _swift_concurrency_debug_supportsPriorityEscalation = ESCALATES;
void (*_swift_concurrency_debug_future_adapter)(void) = adapter;
void (*_swift_concurrency_debug_non_future_adapter)(void) = adapter;

static void *objects[100];

int main(void) {
  (void)slab;
  for (int i = 0; i < 100; i++) {
    uint64_t *object = objects[i] = malloc(1024);
    memset(object, 0x41, 1024);
    object[0] = (uint64_t)(uintptr_t)metadata;
  }
  fprintf(stderr, "install %d\n", dumpcollect_install(NULL));
  puts("ready");
  fflush(stdout);
  char line[64];
  while (fgets(line, sizeof line, stdin)) {}
  return objects[0] == NULL;
}
