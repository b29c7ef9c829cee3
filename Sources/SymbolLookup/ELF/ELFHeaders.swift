/// What kind of ELF file this is (gabi, ELF Header, e_type).
package struct ELFType: RawRepresentable, Hashable, Sendable {
  package var rawValue: UInt16

  package init(rawValue: UInt16) {
    self.rawValue = rawValue
  }

  /// An object file before linking.
  ///
  /// The corresponding C constant is ET_REL.
  package static let relocatable = ELFType(rawValue: 1)
  /// A program linked to a fixed place.
  ///
  /// The corresponding C constant is ET_EXEC.
  package static let executable = ELFType(rawValue: 2)
  /// A shared library or a position-independent program.
  ///
  /// The corresponding C constant is ET_DYN.
  package static let shared = ELFType(rawValue: 3)
  /// A core dump.
  ///
  /// The corresponding C constant is ET_CORE.
  package static let core = ELFType(rawValue: 4)
}

/// The processor that an ELF file is for (gabi, ELF Header, e_machine).
package struct ELFMachine: RawRepresentable, Hashable, Sendable {
  package var rawValue: UInt16

  package init(rawValue: UInt16) {
    self.rawValue = rawValue
  }

  /// The corresponding C constant is EM_X86_64.
  package static let x86_64 = ELFMachine(rawValue: 62)
  /// The corresponding C constant is EM_AARCH64.
  package static let aarch64 = ELFMachine(rawValue: 183)
}

/// One entry of the program headers: how a part of the file is mapped (gabi, Program Header).
package struct ELFSegment: Hashable, Sendable {
  /// What a segment is for.
  package struct Kind: RawRepresentable, Hashable, Sendable {
    package var rawValue: UInt32

    package init(rawValue: UInt32) {
      self.rawValue = rawValue
    }

    /// Mapped by the loader.
    ///
    /// The corresponding C constant is PT_LOAD.
    package static let load = Kind(rawValue: 1)
    /// What the dynamic linker reads.
    ///
    /// The corresponding C constant is PT_DYNAMIC.
    package static let dynamic = Kind(rawValue: 2)
    /// Holds notes.
    ///
    /// The corresponding C constant is PT_NOTE.
    package static let note = Kind(rawValue: 4)
  }

  package var kind: Kind
  package var isExecutable: Bool
  package var fileOffset: UInt64
  package var address: ELFAddress
  package var fileByteCount: UInt64
  package var memoryByteCount: UInt64

  /// Whether the address lies in the segment's memory.
  package func contains(_ address: ELFAddress) -> Bool {
    address.value &- self.address.value < memoryByteCount && address >= self.address
  }
}

/// One entry of the section headers (gabi, Sections).
package struct ELFSection: Hashable, Sendable {
  /// What a section holds.
  package struct Kind: RawRepresentable, Hashable, Sendable {
    package var rawValue: UInt32

    package init(rawValue: UInt32) {
      self.rawValue = rawValue
    }

    /// The corresponding C constant is SHT_SYMTAB.
    package static let symbolTable = Kind(rawValue: 2)
    /// Relocations with addends.
    ///
    /// The corresponding C constant is SHT_RELA.
    package static let relocations = Kind(rawValue: 4)
    /// The corresponding C constant is SHT_NOTE.
    package static let note = Kind(rawValue: 7)
    /// Takes no bytes of the file.
    ///
    /// The corresponding C constant is SHT_NOBITS.
    package static let noBits = Kind(rawValue: 8)
    /// The corresponding C constant is SHT_DYNSYM.
    package static let dynamicSymbols = Kind(rawValue: 11)
  }

  /// Position in the section headers; symbols name their section by it.
  package var index: Int
  package var name: String
  package var kind: Kind
  package var flags: UInt64
  package var address: ELFAddress
  package var fileOffset: UInt64
  package var byteCount: UInt64
  /// Another section's index: of symbols, their strings; of relocations, their symbols.
  package var link: Int
  package var entryByteCount: UInt64

  /// Takes memory in the process.
  ///
  /// The corresponding C constant is SHF_ALLOC.
  package var isAllocated: Bool { flags & 0x2 != 0 }
  /// The corresponding C constant is SHF_EXECINSTR.
  package var isExecutable: Bool { flags & 0x4 != 0 }
  /// Starts with a compression header.
  ///
  /// The corresponding C constant is SHF_COMPRESSED.
  package var isCompressed: Bool { flags & 0x800 != 0 }

  /// Whether the address lies in the section's memory.
  package func contains(_ address: ELFAddress) -> Bool {
    isAllocated && address >= self.address && address.value &- self.address.value < byteCount
  }
}
