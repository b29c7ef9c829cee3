import Foundation

/// A client of the upstream service, with a thread of its own that keeps the connection alive.
final class UpstreamClient: Sendable {
  private let connection: Connection

  init(port: UInt16) throws {
    connection = try Connection(port: port)
    // The thread holds the client and the client holds the connection: neither ever goes.
    startThread(named: "keep-alive") { self.keepAlive() }
  }

  /// Asks upstream for the time of day.
  func fetch() -> String {
    connection.write("time\n")
    return connection.readLine() ?? "nothing"
  }

  /// Sleeps until it is time for the next ping.
  private func keepAlive() {
    while connection.isOpen {
      sleep(30)
      connection.write("ping\n")
    }
  }
}

/// What the clients talk to; it lives in the same process so that the example needs nothing else.
final class Upstream: Sendable {
  let port: UInt16
  private let listener: Listener

  init() throws {
    listener = try Listener(port: 0)
    port = listener.port
    startThread(named: "upstream") { self.serve() }
  }

  /// Answers the first line of each connection and keeps it, for as long as its client does.
  private func serve() {
    var connections: [Connection] = []
    while let connection = try? listener.accept() {
      if connection.readLine() != nil { connection.write("\(time(nil))\n") }
      connections.append(connection)
    }
  }
}

private func startThread(named name: String, _ body: @escaping @Sendable () -> Void) {
  Thread {
    // Foundation's own `name` may come to nothing: the new thread can be ahead of the one that starts it.
    try? Data(name.utf8).write(to: URL(fileURLWithPath: "/proc/thread-self/comm"))
    body()
  }
  .start()
}
