// Functions of one body, two in each of two units, for a linker that folds them into one. SECOND: the other unit.

extern volatile int sink;

#define NOINLINE __attribute__((noinline))

static inline __attribute__((always_inline)) int kept_value(int value) {
  sink = value;
  return value * 3 + sink;
}

#ifdef SECOND
volatile int sink;

NOINLINE int second_one(int value) {
  return kept_value(value) + 1;  // in second_one
}

NOINLINE int second_two(int value) {
  return kept_value(value) + 1;  // in second_two
}
#else
int second_one(int value);
int second_two(int value);

NOINLINE int first_one(int value) {
  return kept_value(value) + 1;  // in first_one
}

NOINLINE int first_two(int value) {
  return kept_value(value) + 1;  // in first_two
}

int main(int count, char **) {
  return first_one(count) + first_two(count) + second_one(count) + second_two(count);
}
#endif
