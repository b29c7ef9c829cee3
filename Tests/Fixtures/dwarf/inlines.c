// Functions inlined at three depths, a cold part, a tail call and a function that never returns.
#include <stdio.h>
#include <stdlib.h>
#include "inlines.h"

volatile int source = 3;
static int table[16];

static inline __attribute__((always_inline)) int innermost(int value) {
  int result = value * 3;
  table[value & 15] = result;
  return result + source;
}

static inline __attribute__((always_inline)) int middle(int value) {
  int sum = 0;
  for (int i = 0; i < value; i++) {
    sum += innermost(i);
    if (sum > 1000) sum -= scale(i, source);
  }
  return sum;
}

__attribute__((noinline)) int outer(int value) {
  int first = middle(value);
  int second = middle(value + 1); return first ^ second;
}

__attribute__((noinline, noreturn)) void fail(const char *why) {
  fprintf(stderr, "%s\n", why);
  exit(2);
}

__attribute__((noinline)) int checked(int value) {
  if (__builtin_expect(value < 0, 0)) {
    puts("negative");
    for (int i = 0; i < 3; i++) printf("%d\n", innermost(value + i));
    fail("negative");
  }
  return outer(value) + 1;
}

static __attribute__((noinline)) int only_here(int value) { return checked(value) + scale(value, 7); }

__attribute__((noinline)) int never_called(int value) { return middle(value) - 12; }

int main(int count, char **arguments) {
  (void)arguments;
  int sum = 0;
  for (int i = 0; i < count + 2; i++)
    sum += only_here(i);
  printf("%d\n", sum);
  return 0;
}
