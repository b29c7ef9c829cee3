/// A name of the symbol table with the addresses it stands for.
package struct Symbol: Hashable, Sendable {
  /// Who may use a symbol (gabi, Symbol Table, st_info); the order is that of preference among
  /// aliases.
  package enum Binding: UInt8, Comparable, Sendable {
    case global, weak, local

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  }

  /// Tells the symbol from the others of its table: a key for what was made of its name.
  package var id: UInt32
  package var address: ELFAddress
  /// One past the last address it stands for; of a symbol without size, the next symbol's or the
  /// section's end.
  package var end: ELFAddress
  package var binding: Binding
  /// The symbol table states a size.
  package var isSized: Bool
  /// A slot of the procedure linkage table, called after the function it jumps to.
  package var isLinkageSlot: Bool
  /// Another one starts at its address and holds what was asked for; nil where the index says so.
  var sharesStart: Bool?
}

/// A variable as the symbol table has it.
package struct Variable: Sendable, Equatable {
  /// Not demangled.
  package var name: String
  /// Of its first byte, as in the file.
  package var address: UInt64
  package var byteCount: UInt64
  /// Where it is declared, as far as it is known.
  package var file: String?
  /// 0 when unknown.
  package var line: UInt32 = 0
}

/// What a symbol table knows of an address.
package enum SymbolMatch: Hashable, Sendable {
  case symbol(Symbol)
  /// No symbol, with the reason in words for a person.
  case unknown(String)

  /// The symbol, if there is one.
  package var symbol: Symbol? {
    guard case .symbol(let symbol) = self else { return nil }
    return symbol
  }
}

/// One entry of a symbol section: `Elf64_Sym` (gabi, Symbol Table).
struct SymbolEntry {
  static let byteCount = 24

  var nameOffset: UInt32
  var info: UInt8
  var sectionIndex: UInt16
  var value: UInt64
  var size: UInt64

  /// The corresponding C constants are STB_GLOBAL (and STB_GNU_UNIQUE), STB_WEAK; the rest counts
  /// as local.
  var binding: Symbol.Binding {
    switch info >> 4 {
    case 1, 10: .global
    case 2: .weak
    default: .local
    }
  }

  /// STT_FUNC or STT_GNU_IFUNC.
  var isFunction: Bool { info & 15 == 2 || isIndirect }

  /// STT_GNU_IFUNC: the symbol's code chooses the function that the name stands for.
  var isIndirect: Bool { info & 15 == 10 }

  /// STB_LOCAL: for the file alone that the last STT_FILE symbol before it names.
  var isLocal: Bool { info >> 4 == 0 }

  /// STT_FILE: names a source file, whose own symbols follow.
  var isFile: Bool { info & 15 == 4 }

  /// STT_OBJECT, STT_COMMON: a variable.
  var isData: Bool { info & 15 == 1 || info & 15 == 5 }

  /// Names code, or says nothing of what it names (STT_NOTYPE: hand-written assembly).
  var mayNameCode: Bool { isFunction || info & 15 == 0 }
}
