// Namespaces, templates, lambdas, local classes, thunks, constructors and exceptions.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace geometry {
namespace detail {
template <typename Number> Number square(Number value) { return value * value; }
}  // namespace detail

struct Named {
  virtual ~Named() = default;
  virtual std::string name() const = 0;
};
struct Measured {
  virtual ~Measured() = default;
  virtual double area() const = 0;
};

class Circle : public Named, public Measured {
 public:
  explicit Circle(double radius) : radius_(radius) {
    if (radius < 0) throw std::invalid_argument("radius");
  }
  std::string name() const override { return "circle " + std::to_string(radius_); }
  double area() const override { return 3.0 * detail::square(radius_); }

 private:
  double radius_;
};
}  // namespace geometry

namespace {
int hidden(int value) { return geometry::detail::square(value) + 1; }

template <int Depth> struct Tower {
  static int height(int value) { return Tower<Depth - 1>::height(value + Depth) + 1; }
};
template <> struct Tower<0> {
  static int height(int value) { return hidden(value); }
};
}  // namespace

static int apply(const std::function<int(int)> &function, int value) { return function(value); }

__attribute__((noinline)) int with_lambdas(int value) {
  int captured = value * 2;
  auto inner = [captured](int x) {
    auto deeper = [x](int y) { return x * y + 1; };
    return deeper(captured) + apply([&](int z) { return z - x; }, captured);
  };
  return apply(inner, value) + inner(3);
}

__attribute__((noinline)) int with_local_class(int value) {
  struct Local {
    int base;
    __attribute__((noinline)) int twice() const { return base * 2 + hidden(base); }
    static int helper(int x) { return x ^ 5; }
  };
  Local local{value};
  return local.twice() + Local::helper(value);
}

__attribute__((noinline)) double total(const std::vector<std::unique_ptr<geometry::Measured>> &all) {
  double sum = 0;
  for (auto &one : all) sum += one->area();
  return sum;
}

int main(int count, char **) {
  std::vector<std::unique_ptr<geometry::Measured>> all;
  std::map<std::string, int> seen;
  for (int i = 0; i < count + 3; i++) {
    auto circle = std::make_unique<geometry::Circle>(i);
    seen[circle->name()] = i;
    all.push_back(std::move(circle));
  }
  try {
    geometry::Circle bad(-1);
  } catch (const std::exception &error) {
    std::puts(error.what());
  }
  std::printf("%f %d %d %d\n", total(all), with_lambdas(count), with_local_class(count),
              Tower<4>::height(count));
  std::sort(all.begin(), all.end(), [](auto &a, auto &b) { return a->area() < b->area(); });
  return static_cast<int>(seen.size()) - 4;
}
