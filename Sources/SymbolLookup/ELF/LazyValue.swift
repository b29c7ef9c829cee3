import Synchronization

/// A value that is made when it is first asked for, once, by whichever thread comes first; the others wait.
final class LazyValue<Value: Sendable>: Sendable {
  private let state = Mutex<Value?>(nil)
  private let make: @Sendable () -> Value

  /// `make`: what makes the value; must not ask for it.
  init(_ make: @escaping @Sendable () -> Value) {
    self.make = make
  }

  /// The value, if somebody asked for it before.
  var known: Value? { state.withLock { $0 } }

  /// The value, made now if nobody asked before.
  var value: Value {
    state.withLock { state in
      if let state { return state }
      let value = make()
      state = value
      return value
    }
  }
}
