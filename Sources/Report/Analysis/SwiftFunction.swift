/// What the demangled name of a Swift function tells of who wrote it.
package struct SwiftFunction {
  /// The name without what specialization put before it.
  private let name: Substring

  /// Takes a name as Swift's demangler writes it, in full.
  package init(_ demangled: String) {
    name = Self.withoutSpecialization(demangled[...])
  }

  /// Made by the compiler to pass a call on: a partial application, a change of representation, a witness.
  package var isThunk: Bool {
    Self.thunkPrefixes.contains { name.utf8.starts(with: $0.utf8) } || isMainWrapper
  }

  /// Of a closure, the function that it is written in; without `static`.
  package var context: Substring {
    let root = Self.outermostContext(name)
    return root.utf8.starts(with: "static ".utf8) ? root.dropFirst(7) : root
  }

  /// A function of Swift's own modules, of which copies are put into programs too.
  package var isOfLibrary: Bool {
    let root = context
    if root.utf8.starts(with: "(extension in ".utf8) {
      return root.utf8.starts(with: "(extension in Swift):".utf8)
    }
    return root.utf8.starts(with: "Swift.".utf8)
  }

  /// The short name of a function as its documentation has it: `Task.sleep(for:tolerance:clock:)` for
  /// `specialized static Task<>.sleep<A>(for:tolerance:clock:)`.
  static func plainName(_ short: String) -> String {
    var name = short[...]
    for prefix in ["specialized ", "static "] where name.hasPrefix(prefix) {
      name = name.dropFirst(prefix.count)
    }
    var plain = ""
    var depth = 0
    for character in name {
      if character == ">" { depth -= 1 }
      if character == "<" { depth += 1 }
      if depth == 0, character != ">" { plain.append(character) }
    }
    return plain
  }

  /// `$main`, which `@main` stands for.
  private var isMainWrapper: Bool {
    name.utf8.starts(with: "static ".utf8) && name.contains(".$main() ")
  }

  private static let thunkPrefixes = [
    "reabstraction thunk", "partial apply", "protocol witness for ", "dispatch thunk of ",
    "vtable thunk for ", "back deployment thunk ", "distributed thunk ", "async_Main",
  ]

  private static let specializations = [
    "generic specialization ", "generic not re-abstracted specialization ",
    "generic partial specialization ", "generic pre-specialization ",
    "function signature specialization ", "inlined generic function ",
  ]

  /// Removes `generic specialization <…> of`, `function signature specialization <…> of` and the like.
  private static func withoutSpecialization(_ name: Substring) -> Substring {
    var name = name
    while let open = name.utf8.firstIndex(of: UInt8(ascii: "<")),
      specializations.contains(where: { name[..<open].utf8.elementsEqual($0.utf8) })
    {
      guard let end = closing(of: open, in: name), name[end...].utf8.starts(with: " of ".utf8)
      else {
        return name
      }
      name = name[end...].dropFirst(4)
    }
    return name
  }

  /// Behind the bracket that closes the one at `open`.
  private static func closing(of open: String.Index, in name: Substring) -> String.Index? {
    var depth = 0
    var last: UInt8 = 0
    for index in name.utf8.indices[open...] {
      let byte = name.utf8[index]
      if byte == UInt8(ascii: "<") { depth += 1 }
      // Not the arrow of a function's type.
      if byte == UInt8(ascii: ">"), last != UInt8(ascii: "-") { depth -= 1 }
      if depth == 0 { return name.utf8.index(after: index) }
      last = byte
    }
    return nil
  }

  /// Of a closure, the function that it is written in: what stands behind the last ` in ` outside of brackets.
  private static func outermostContext(_ name: Substring) -> Substring {
    guard
      name.utf8.starts(with: "closure #".utf8) || name.utf8.starts(with: "implicit closure #".utf8)
    else { return name }
    var depth = 0
    var last: UInt8 = 0
    var result = name
    for index in name.utf8.indices {
      let byte = name.utf8[index]
      switch byte {
      case UInt8(ascii: "<"), UInt8(ascii: "("), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: ")"), UInt8(ascii: "]"): depth -= 1
      case UInt8(ascii: ">") where last != UInt8(ascii: "-"): depth -= 1
      case UInt8(ascii: " ") where depth == 0:
        let rest = name[index...]
        if rest.utf8.starts(with: " in ".utf8) { result = rest.dropFirst(4) }
      default: break
      }
      last = byte
    }
    return result
  }
}

extension Frame {
  /// Made by the compiler to pass a call on.
  package var isThunk: Bool {
    isRuntime && (function.map { SwiftFunction($0).isThunk } ?? false)
  }
}
