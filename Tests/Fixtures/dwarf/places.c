// Code that compilers place apart, in lines that only generators of code have, of files with names of any alphabet.
#include <stdio.h>
#include <stdlib.h>

static int total;

static inline int add(int amount) {
  if (__builtin_expect(amount > 1000, 0)) {
    fprintf(stderr, "too much: %d of %d\n", amount, total);
    abort();
  }
  return total += amount;
}

#line 2000000000 "/dépôt/売場 2/généré.c"
__attribute__((noinline)) int order(int amount, int count) {
  for (int i = 0; i < count; i++) {
    if (__builtin_expect(add(amount) < 0, 0)) {
      fprintf(stderr, "overflow at %d\n", i);
      exit(2);
    }
  }
  return total;
}

#line 16777217 "../Ünder/./x.c"
__attribute__((cold, noinline)) void refuse(const char *text) { puts(text); }

int main(int count, char **words) {
  if (count > 5) refuse(words[0]);
#line 1 "plain.c"
  return order(count, count * 2);
}
