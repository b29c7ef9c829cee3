// The Swift form of the chains: generics, closures, a class method, a protocol, dispatch queues, the main thread.
//
// A line that a frame must show ends in a comment "at NAME".
import Dispatch
import DumpHandler
import Foundation
import Synchronization

nonisolated(unsafe) var silent: [Int32] = [0, 0]
let started = DispatchSemaphore(value: 0)
let work = Atomic<Int>(0)

func say(_ line: String) {
  FileHandle.standardOutput.write(Data((line + "\n").utf8))
}

@inline(never)
func blockInRead(_ descriptor: Int32) -> Int {
  var byte: UInt8 = 0
  let count = read(descriptor, &byte, 1)  // at blockInRead
  return count + 1
}

protocol Session {
  func keepAlive(peer: String) -> Int
}

final class Client<Key: Hashable>: Session {
  let key: Key

  init(key: Key) { self.key = key }

  @inline(never)
  func keepAlive(peer: String) -> Int {
    poll() + peer.utf8.count  // at keepAlive
  }

  @inline(__always)
  private func poll() -> Int {
    blockInRead(silent[0]) + key.hashValue  // at poll
  }
}

@inline(never)
func run(_ session: any Session) -> Int {
  session.keepAlive(peer: "peer") + 1  // at run
}

@inline(never)
func call(_ body: () -> Int) -> Int {
  body() + 1  // at call
}

@inline(never)
func consume(_ value: Int) {
  work.store(value, ordering: .relaxed)
}

func startThread(_ name: String, _ body: @escaping @Sendable () -> Void) {
  let thread = Thread {
    // The `name` of a Thread stays inside Foundation: the kernel knows a thread by its comm.
    FileHandle(forWritingAtPath: "/proc/thread-self/comm")?.write(Data(name.utf8))
    started.signal()
    body()  // at body
  }
  thread.start()
}

_ = silent.withUnsafeMutableBufferPointer { pipe($0.baseAddress) }
try installDumpHandler()

startThread("session") {
  consume(run(Client(key: 7)))  // at session
}

startThread("closure") {
  consume(
    call {  // at closure call
      blockInRead(silent[0]) + 1  // at closure
    }
  )
}

DispatchQueue(label: "dispatched").async {
  started.signal()
  consume(blockInRead(silent[0]))  // at dispatched
}

startThread("spinner") {
  while true { work.add(1, ordering: .relaxed) }
}

for _ in 0..<4 { started.wait() }
say("ready")

@inline(never)
func serve() -> Int {
  var count = 0
  while let line = readLine() {  // at serve
    if line == "work" {
      say("\(work.load(ordering: .relaxed))")
    }
    count += 1
  }
  return count
}

let count = serve()  // at main
exit(count < 0 ? 1 : 0)
