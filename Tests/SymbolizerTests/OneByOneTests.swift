import Report
import TestSupport
import Testing

@testable import SymbolLookup
@testable import Symbolizer

/// Questions that come one by one: answered from what is kept of units, exactly as in one batch.
@Suite struct OneByOneTests {
  /// Every seventh address of the program's code, and of what surrounds it.
  private func addresses(of program: String) throws -> [UInt64] {
    let file = try ELFFile(path: program)
    return file.sections.filter { $0.isAllocated && $0.isExecutable }.flatMap { section in
      stride(from: section.address.value, to: section.address.value + section.byteCount, by: 7)
    }
  }

  private func resolver() -> AddressResolver {
    AddressResolver(options: SymbolizerOptions(), log: NoteRecorder().logger)
  }

  private func fileResolver() -> FileResolver {
    FileResolver(options: LookupOptions(), log: LookupLog(warning: { _ in }, information: { _ in }))
  }

  @Test(
    arguments: ["g++", "clang++"],
    [
      ["-O2"], ["-O0"], ["-O2", "-gdwarf-4"], ["-O2", "-gsplit-dwarf"],
      ["-O2", "-gdwarf-4", "-gsplit-dwarf"],
      ["-O2", "-ffunction-sections", "-Wl,--gc-sections", "-gno-column-info"],
    ]
  )
  func answersAreThoseOfOneBatch(compiler: String, options: [String]) throws {
    let directory = try TemporaryDirectory()
    let source = Fixture.source("dwarf/shapes.cpp")
    let program = directory.file("program")
    // Compiled on its own: its split file stays beside it.
    let object = directory.file("program.o")
    try runSuccessfully(compiler, ["-g"] + options + ["-std=c++17", "-c", source, "-o", object])
    let link = options.filter { $0.hasPrefix("-Wl") }
    try runSuccessfully(compiler, link + [object, "-o", program])

    let addresses = try addresses(of: program)
    #expect(addresses.count > 300)
    let batch = try resolver().resolve(addresses, in: program, kind: .exact)
    #expect(batch.contains { $0.frames.count > 1 } || options.contains("-O0"))
    let single = resolver()
    let few = resolver()
    var alone: [ResolvedAddress] = []
    var together: [ResolvedAddress] = []
    for address in addresses {
      alone += try single.resolve([address], in: program, kind: .exact)
    }
    for start in stride(from: 0, to: addresses.count, by: 7) {
      let end = min(addresses.count, start + 7)
      // In an order that is not that of the addresses.
      let questions = Array(addresses[start..<end].reversed())
      together += try few.resolve(questions, in: program, kind: .exact).reversed()
    }
    #expect(alone == batch)
    #expect(together == batch)
  }

  /// Discriminators and where functions begin, of the frames of an address.
  private func origins(of batch: ResolvedBatch, at index: Int) -> [String] {
    batch.frames(at: index).indices.map { number in
      guard let origin = batch.origin(ofFrame: number) else { return "none" }
      let start = origin.start.map { String($0, radix: 16) } ?? "?"
      return "\(batch.file(of: origin) ?? "?"):\(origin.line) \(start) \(origin.discriminator)"
    }
  }

  @Test(arguments: ["g++", "clang++"], [["-O2"], ["-O2", "-gdwarf-4", "-gsplit-dwarf"]])
  func whatIsKnownBesidesIsTheSameToo(compiler: String, options: [String]) throws {
    let directory = try TemporaryDirectory()
    let source = Fixture.source("dwarf/shapes.cpp")
    let object = directory.file("program.o")
    try runSuccessfully(compiler, ["-g"] + options + ["-std=c++17", "-c", source, "-o", object])
    let program = directory.file("program")
    try runSuccessfully(compiler, [object, "-o", program])

    let addresses = try addresses(of: program)
    let batch = try fileResolver().resolve(addresses, in: program, kind: .exact, details: .origins)
    let expected = addresses.indices.map { origins(of: batch, at: $0) }
    #expect(expected.joined().contains { $0.hasPrefix("\(source):") })
    if compiler == "g++" { #expect(expected.joined().contains { !$0.hasSuffix(" 0") }) }
    let single = fileResolver()
    for (address, origins) in zip(addresses, expected) {
      let one = try single.resolve([address], in: program, kind: .exact, details: .origins)
      #expect(self.origins(of: one, at: 0) == origins)
    }
    // Who does not ask pays for nothing.
    let plain = try fileResolver().resolve(addresses, in: program, kind: .exact)
    #expect(
      addresses.indices.allSatisfy { index in
        plain.frames(at: index).indices.allSatisfy { plain.origin(ofFrame: $0) == nil }
      }
    )
  }
}
