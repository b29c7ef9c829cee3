// The scenario in C++: one thread stands in a chain of functions that the source fixes, however it is compiled.
//
// Every function is either inlined by force or never, and every call is followed by something, so that none is a jump.
// The line that a frame must show ends in a comment "at NAME".
#include "shop.hpp"

volatile int sink;
volatile int limit = 3;

namespace shop {
namespace {

NOINLINE int serve(int number) {
  Order order = {number, number + 1};
  Ledger<long, 4> ledger = {0};
  int served = ledger.post(order);  // at serve
  sink = served;
  return served + 1;
}

}  // namespace

NOINLINE int run(int number) {
  int ran = open(serve, number);  // at run
  sink = ran;
  return ran + 1;
}

}  // namespace shop

int main(int count, char **) {
  int status = shop::run(count + 4);  // at main
  sink = status;
  return 0;
}
