import CDemangle
import Synchronization

/// A symbol's name as people read it.
package struct ReadableName: Hashable, Sendable {
  /// In full, with parameters; the name itself where it is not mangled.
  package var full: String
  /// Of Swift names, without modules and types of parameters; nil where it is the same.
  package var short: String?
}

/// Demangles names of C++, Rust and Swift; remembers what it was asked, name by name.
///
/// Any number of threads may use one.
///
/// Names that are not mangled, are damaged, or ask for more than a quarter of a megabyte stay as
/// they are.
package final class Demangler: Sendable {
  /// Longer names stay as they are: 32 KiB.
  static let longestName = 32 << 10
  /// What is remembered is forgotten beyond this: names may come without end.
  private static let mostBytes = 16 << 20

  private struct State {
    var names: [String: ReadableName] = [:]
    /// Of all that is remembered, about.
    var byteCount = 0
    var texts: [TextBuffer] = []
  }

  private let state = Mutex(State())

  package init() {}

  /// The readable form of a name as it stands in a symbol table.
  ///
  /// What a compiler cut off a function is called ` [clone .cold]`; a slot of the linkage table
  /// keeps `@plt`.
  package func demangle(_ name: String) -> ReadableName {
    let (known, lent): (ReadableName?, TextBuffer?) = state.withLock { state in
      if let known = state.names[name] { return (known, nil) }
      return (nil, state.texts.popLast())
    }
    if let known { return known }
    let text = lent ?? TextBuffer()
    let result = Self.demangled(name, text)
    return state.withLock { state in
      state.texts.append(text)
      state.byteCount += 128 + name.utf8.count + result.full.utf8.count
      if state.byteCount > Self.mostBytes {
        state.names.removeAll()
        state.byteCount = 0
      }
      state.names[name] = result
      return result
    }
  }

  /// The readable forms of names that differ from each other: nothing of them is remembered.
  package func demangleOnce(_ names: ArraySlice<String>) -> [ReadableName] {
    let text = state.withLock { $0.texts.popLast() } ?? TextBuffer()
    defer { state.withLock { $0.texts.append(text) } }
    return names.map { Self.demangled($0, text) }
  }

  private static func demangled(_ name: String, _ text: TextBuffer) -> ReadableName {
    let unchanged = ReadableName(full: name, short: nil)
    guard name.utf8.count <= longestName else { return unchanged }
    let parts = MangledName(name)
    guard let language = parts.language else { return unchanged }
    let suffix = (parts.clone.isEmpty ? "" : " [clone \(parts.clone)]") + parts.slot
    switch language {
    case .cxx, .rust:
      let full = text.demangle(parts.core, language == .cxx ? .cxx : .rust)
      return full.map { ReadableName(full: $0 + suffix, short: nil) } ?? unchanged
    case .swift:
      let mayGrow =
        SwiftNameGrowth.largestByteCount(parts.core) > SwiftNameGrowth.unlimitedByteCount
      guard
        let full = text.demangle(parts.core, .swift(isSimplified: false, isContained: mayGrow))
      else { return unchanged }
      var short = text.demangle(parts.core, .swift(isSimplified: true, isContained: mayGrow))
      // The short form of a closure at the top of a file names the place that it leaves out:
      // `closure #1 in `.
      if let text = short, text.hasSuffix(" in ") { short = String(text.dropLast(4)) }
      return ReadableName(
        full: full + suffix,
        short: short == full ? nil : short.map { $0 + suffix }
      )
    }
  }
}

/// Memory that the demanglers write to, reused from name to name; one thread at a time.
@safe
private final class TextBuffer: @unchecked Sendable {
  /// Who reads the name.
  enum Reader {
    case cxx
    case rust
    case swift(isSimplified: Bool, isContained: Bool)
  }

  // Safe to send because `Demangler` lends each buffer to one thread at a time.
  private var text = unsafe cdemangle_text()

  deinit {
    unsafe cdemangle_release(&text)
  }

  /// What the reader makes of the name; nil when it refused it, or left it as it is.
  func demangle(_ name: Substring, _ reader: Reader) -> String? {
    let count = name.utf8.count
    // Safe because the string ends with a NUL behind `count` bytes, and lives during the call.
    let status = unsafe name.withCString { bytes in
      switch reader {
      case .cxx: unsafe cdemangle_cxx(bytes, count, &text)
      case .rust: unsafe cdemangle_rust(bytes, count, &text)
      case .swift(let isSimplified, let isContained):
        isContained
          ? unsafe cdemangle_swift_contained(bytes, count, isSimplified ? 1 : 0, &text)
          : unsafe cdemangle_swift(bytes, count, isSimplified ? 1 : 0, &text)
      }
    }
    guard Int(status) == Int(CDEMANGLE_DONE), unsafe text.count > 0 else { return nil }
    // Safe because the demangler wrote `count` bytes there.
    let result = unsafe UnsafeRawBufferPointer(start: text.bytes, count: text.count)
    return unsafe String(decoding: result, as: UTF8.self)
  }
}
