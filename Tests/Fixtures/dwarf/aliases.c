// One function with three names, and one whose copy gcc specialises.
#include <stdio.h>

static __attribute__((noinline)) int real_work(int value) { return value * 3 + 1; }

int public_name(int) __attribute__((alias("real_work")));
int weak_name(int) __attribute__((weak, alias("real_work")));

static __attribute__((noinline)) int power(int base, int exponent) {
  int result = 1;
  while (exponent-- > 0) result *= base;
  return result;
}

int main(int count, char **arguments) {
  (void)arguments;
  printf("%d %d\n", public_name(count) + weak_name(count) + real_work(count), power(count + 1, 5));
  return power(count, 5) - 1;
}
