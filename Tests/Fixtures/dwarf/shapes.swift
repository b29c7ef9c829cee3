// Types, generics, closures, nested functions, properties and errors.
protocol Shape {
  var area: Double { get }
}

enum ShapeError: Error {
  case negative(Double)
}

struct Circle: Shape {
  let radius: Double

  init(radius: Double) throws {
    guard radius >= 0 else { throw ShapeError.negative(radius) }
    self.radius = radius
  }

  var area: Double { 3 * squared(radius) }
}

final class Registry<Element: Shape> {
  private var elements: [Element] = []

  @inline(never)
  func add(_ element: Element) {
    elements.append(element)
  }

  @inline(never)
  func total(where isCounted: (Element) -> Bool) -> Double {
    var sum = 0.0
    for element in elements where isCounted(element) { sum += element.area }
    return sum
  }
}

@inline(__always)
func squared<Number: Numeric>(_ value: Number) -> Number {
  value * value
}

@inline(never)
func nested(_ count: Int) -> Int {
  func half(_ value: Int) -> Int { squared(value) / 2 }
  let doubled = (0..<count).map { half($0) * 2 }
  return doubled.reduce(0) { $0 &+ $1 }
}

let registry = Registry<Circle>()
for index in -1..<(CommandLine.arguments.count + 4) {
  do {
    registry.add(try Circle(radius: Double(index)))
  } catch {
    print(error)
  }
}
print(registry.total { $0.radius > 1 }, nested(CommandLine.arguments.count + 3))
