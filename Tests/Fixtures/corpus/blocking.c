/* The innermost part of the chain, in C: waits for a byte that never comes. */
#include <unistd.h>

extern volatile int sink;

static inline __attribute__((always_inline)) int read_byte(int descriptor) {
  char byte;
  int count = (int)read(descriptor, &byte, 1); // at read_byte
  sink = count;
  return count + 1;
}

__attribute__((noinline)) int block_in_read(int descriptor) {
  sink = (int)write(1, "ready\n", 6);
  int blocked = read_byte(descriptor); // at block_in_read
  sink = blocked;
  return blocked + 1;
}
