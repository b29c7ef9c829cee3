// What the units of the scenario share: the inlined part of the chain, and what they call in one another.
#pragma once

#define NOINLINE __attribute__((noinline))
#define INLINE inline __attribute__((always_inline))

// A second function with the same code, for linkers that fold: -DFOLDED.
// A function far away from all others, for linkers that place sections apart: -DAPART.
#ifdef APART
#define FAR __attribute__((section(".apart")))
#else
#define FAR
#endif

extern "C" {
int block_in_read(int descriptor);
int call_through_assembly(int (*callee)(int), int argument);
extern volatile int sink;
extern volatile int limit;
}

namespace shop {

struct Order {
  int number;
  int amount;
};

int refuse(const Order &order);
int check(const Order &order);

template <typename Amount, int Shards>
struct Ledger {
  Amount total;

  NOINLINE int post(const Order &order) {
    int answer = visit([&order](int shard) __attribute__((always_inline)) {  // at post
      int checked = check(order);  // at lambda
      sink = checked;
      return checked + shard;
    });
    sink = answer;
    return answer + 1;
  }

 private:
  template <typename Body>
  INLINE int visit(Body body) {
    int visited = body(Shards);  // at visit
    sink = visited;
    return visited + 1;
  }
};

INLINE int enter(int (*callee)(int), int number) {
  int entered = call_through_assembly(callee, number);  // at enter
  sink = entered;
  return entered + 1;
}

INLINE int open(int (*callee)(int), int number) {
  int opened = enter(callee, number);  // at open
  sink = opened;
  return opened + 1;
}

}  // namespace shop
