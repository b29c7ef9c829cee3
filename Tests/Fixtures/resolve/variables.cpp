// Variables of every kind that has one place: of a file, a class, a namespace, a function; an array; one of a template.
static int counters[7];
int total = 1;

struct Shelf {
  static long capacity;
};
long Shelf::capacity = 40;

namespace prices {
double highest;
}

template <typename Kind>
struct Default {
  static Kind value;
};
template <typename Kind>
Kind Default<Kind>::value = 9;

int next() {
  static int last = 4;
  return ++last;
}

int main(int count, char **) {
  for (int index = 0; index < 7; index++) counters[index] += next() * count;
  prices::highest = counters[count];
  return total + int(Shelf::capacity) + Default<int>::value;
}
