// C++ programs that end by an exception nobody catches.
#include <dumpcollect.h>

#include <cstdio>
#include <cstring>
#include <exception>
#include <future>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

namespace shop {

struct Plain {
  int value;
};
struct Base {
  virtual ~Base() = default;
  long padding[3] = {};
};
struct PaymentError : Base, std::runtime_error {
  explicit PaymentError(const std::string &text) : std::runtime_error(text) {}
};
struct RefusedError : PaymentError {
  RefusedError() : PaymentError("card refused, and the text is longer than a short string holds") {}
};

[[gnu::noipa]] void pay(const char *how) {
  if (std::strcmp(how, "runtime") == 0) throw std::runtime_error("no route to host");
  if (std::strcmp(how, "logic") == 0) throw std::out_of_range("index 7 of 3");
  if (std::strcmp(how, "system") == 0)
    throw std::system_error(std::make_error_code(std::errc::address_in_use), "bind");
  if (std::strcmp(how, "several bases") == 0) throw RefusedError();
  if (std::strcmp(how, "plain") == 0) throw Plain{1};
  if (std::strcmp(how, "int") == 0) throw 42;
}
[[gnu::noipa]] void serve(const char *how) noexcept { pay(how); }

[[gnu::noipa]] void pass_on(const char *how) {
  std::exception_ptr kept;
  try {
    pay(how);
  } catch (...) {
    kept = std::current_exception();
  }
  std::rethrow_exception(kept);
}

}  // namespace shop

int main(int, char **argv) {
  std::fprintf(stderr, "install %d\n", dumpcollect_install(nullptr));
  const char *how = argv[1];
  if (std::strncmp(how, "rethrown ", 9) == 0) shop::pass_on(how + 9);
  if (std::strncmp(how, "noexcept ", 9) == 0) shop::serve(how + 9);
  if (std::strncmp(how, "thread ", 7) == 0) std::thread(shop::pay, how + 7).join();
  if (std::strcmp(how, "no exception") == 0) std::terminate();
  shop::pay(how);
  return 0;
}
