// Functions in namespaces, templates and calls that are inlined into each other, for the styles of `resolve`.
#include <cstdio>

extern "C" { int stock[4] = {1, 2, 3, 4}; }

namespace shop {

struct Price {
  long cents;
  template <typename Rate> __attribute__((always_inline)) long taxed(Rate rate) const {
    return cents + static_cast<long>(cents * rate);
  }
};

__attribute__((always_inline)) inline long total(const Price *prices, int count) {
  return prices[0].taxed(0.07) + prices[count - 1].taxed(0.19f);
}

__attribute__((noinline)) long sum(const Price *prices, int count) {
  std::printf("%d prices\n", count);
  return total(prices, count);
}

}  // namespace shop

extern "C" __attribute__((noinline)) int plain(int value) {
  return std::putchar(value);
}

int main(int count, char **) {
  shop::Price prices[] = {{100 * count}, {250 * count}};
  plain('x');
  return static_cast<int>(shop::sum(prices, 2)) & 1;
}
