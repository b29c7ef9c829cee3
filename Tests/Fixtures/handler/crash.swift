// A Swift program that ends by one of the runtime's checks.
import Foundation

struct Order {
  let price: Int?
}

@inline(never)
func pay(_ order: Order, _ how: String) -> Int {
  if how == "fatal error" { fatalError("no price for order \(order.price ?? 4711)") }
  // swift-format-ignore: NeverForceUnwrap
  if how == "nil" { return order.price! }
  precondition(how != "precondition", "an order has a price")
  return 1
}

@main
enum Shop {
  static func main() {
    let result = dumpcollect_install(nil)
    FileHandle.standardError.write(Data("install \(result)\n".utf8))
    exit(Int32(pay(Order(price: nil), CommandLine.arguments[1])))
  }
}
