import Glibc

/// A system call that failed.
struct SystemError: Error, CustomStringConvertible {
  let call: String
  let number = errno

  var description: String { "\(call): \(String(cString: strerror(number)))" }
}

/// A TCP connection on loopback, closed with its last reference.
final class Connection: Sendable {
  private let descriptor: Int32

  init(descriptor: Int32) {
    self.descriptor = descriptor
  }

  /// Connects to a port of this machine.
  convenience init(port: UInt16) throws {
    self.init(descriptor: socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0))
    guard withLoopback(port: port, { connect(descriptor, $0, $1) }) == 0 else {
      throw SystemError(call: "connect")
    }
  }

  deinit {
    close(descriptor)
  }

  /// The other side has not closed the connection.
  var isOpen: Bool {
    var byte: UInt8 = 0
    return recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) != 0
  }

  /// Reads a line without its end, nil when the other side closes first.
  func readLine() -> String? {
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while line.count < 4096, recv(descriptor, &byte, 1, 0) == 1 {
      if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
      line.append(byte)
    }
    return nil
  }

  /// Reads the head of an HTTP request; false when there was none.
  func readRequest() -> Bool {
    while let line = readLine() {
      if line == "\r" || line.isEmpty { return true }
    }
    return false
  }

  /// Sends an HTTP response and ends the conversation.
  func respond(with body: String) {
    write(
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \(body.utf8.count)\r\n"
        + "Connection: close\r\n\r\n\(body)"
    )
  }

  func write(_ text: String) {
    _ = text.utf8.withContiguousStorageIfAvailable {
      send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
  }
}

/// A listening socket on loopback.
final class Listener: Sendable {
  let port: UInt16
  private let descriptor: Int32

  /// Listens; port 0 takes any free one.
  init(port: UInt16) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    guard withLoopback(port: port, { [descriptor] in bind(descriptor, $0, $1) }) == 0,
      listen(descriptor, 128) == 0
    else { throw SystemError(call: "listen on port \(port)") }
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withUnsafeMutableBytes(of: &address) { [descriptor] in
      getsockname(descriptor, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, &length)
    }
    self.port = address.sin_port.bigEndian
  }

  /// Waits for the next connection.
  func accept() throws -> Connection {
    let connection = Glibc.accept(descriptor, nil, nil)
    guard connection >= 0 else { throw SystemError(call: "accept") }
    return Connection(descriptor: connection)
  }
}

private func withLoopback(
  port: UInt16,
  _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
) -> Int32 {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
  return withUnsafeBytes(of: &address) { bytes in
    guard let pointer = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress else { return -1 }
    return body(pointer, socklen_t(bytes.count))
  }
}
