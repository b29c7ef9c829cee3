// The scenario in Swift: a protocol, a generic class, closures, inlined and never inlined functions.
//
// The line that a frame must show ends in a comment "at NAME".
import Glibc

nonisolated(unsafe) var sink = 0

@inline(never)
func consume(_ value: Int) {
  sink &+= value
}

@inline(__always)
func readByte(_ descriptor: Int32) -> Int {
  var byte: UInt8 = 0
  let count = read(descriptor, &byte, 1)  // at readByte
  consume(count)
  return count &+ 1
}

@inline(never)
func blockInRead(_ descriptor: Int32) -> Int {
  consume(write(1, "ready\n", 6))
  let blocked = readByte(descriptor)  // at blockInRead
  consume(blocked)
  return blocked &+ 1
}

protocol Account {
  func post(_ amount: Int) -> Int
}

final class Ledger<Key: Hashable>: Account {
  let key: Key

  init(key: Key) { self.key = key }

  @inline(__always)
  private func visit(_ amount: Int) -> Int {
    let visited = blockInRead(0)  // at visit
    consume(visited)
    return visited &+ amount
  }

  @inline(never)
  func post(_ amount: Int) -> Int {
    let posted = visit(amount)  // at post
    consume(posted)
    return posted &+ key.hashValue
  }
}

@inline(never)
func run(_ account: any Account) -> Int {
  let ran = account.post(1)  // at run
  consume(ran)
  return ran &+ 1
}

@main
struct Shop {
  @inline(never)
  static func open(_ number: Int) -> Int {
    let opened = run(Ledger(key: number))  // at open
    consume(opened)
    return opened &+ 1
  }

  static func main() {
    let status = open(7)  // at main
    consume(status)
  }
}
