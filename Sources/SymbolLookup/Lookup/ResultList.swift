import Synchronization

/// Collects what workers leave.
final class ResultList<Element: Sendable>: Sendable {
  private let elements = Mutex<[Element]>([])

  /// Adds one, from any thread.
  func append(_ element: Element) {
    elements.withLock { $0.append(element) }
  }

  /// All that were added so far.
  var all: [Element] { elements.withLock { $0 } }
}

/// Numbers handed out to workers, one after the other.
package final class WorkCounter: Sendable {
  private let value = Atomic<Int>(0)
  private let end: Int

  /// The numbers below `end`.
  package init(end: Int) {
    self.end = end
  }

  /// The next number, or nil when all are taken.
  ///
  /// Relaxed: the number itself is all that is shared.
  package func next() -> Int? {
    let number = value.wrappingAdd(1, ordering: .relaxed).oldValue
    return number < end ? number : nil
  }
}
