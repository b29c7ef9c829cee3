// Functions of one body, which a linker may fold, and a constructor of two variants.
namespace shop {
__attribute__((noinline)) int total(int value) { return value * 7 + 3; }
struct Cart {
  int items;
  Cart(int count);
};
__attribute__((noinline)) Cart::Cart(int count) : items(total(count) * 2) {}
}  // namespace shop
namespace bank {
__attribute__((noinline)) int balance(int value) { return value * 7 + 3; }
}  // namespace bank
__attribute__((noinline)) int sum(int value) { return value * 7 + 3; }
static inline __attribute__((always_inline)) int twice(int value) { return shop::total(value) * 2; }

int main(int count, char **) {
  return twice(count) + bank::balance(count) + sum(count) + shop::Cart(count).items;
}
