// The part of the chain that compilers place apart: a path that is hardly ever taken.
#include "shop.hpp"

namespace shop {

FAR NOINLINE __attribute__((cold)) int refuse(const Order &order) {
  int refused = block_in_read(0);  // at refuse
  sink = refused;
  return refused + order.number;
}

#ifdef FOLDED
NOINLINE __attribute__((cold)) int regret(const Order &order) {
  int refused = block_in_read(0);  // at regret
  sink = refused;
  return refused + order.number;
}

int (*volatile kept)(const Order &) = regret;
#endif

NOINLINE int check(const Order &order) {
  if (__builtin_expect(order.amount > limit, 0)) {
    int checked = refuse(order);  // at check
    sink = checked;
    return checked + 1;
  }
  return order.amount + 1;
}

}  // namespace shop
