// A body from a header in the middle of the callers' own code.
#ifndef INLINES_H
#define INLINES_H
static inline __attribute__((always_inline)) int scale(int value, int by) {
  if (by == 0) return value;
  return value * by + (value >> 1);
}
#endif
