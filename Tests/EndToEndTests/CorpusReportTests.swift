import Foundation
import TestSupport
import Testing

/// One scenario has one report, however its program was compiled, linked, stripped and packed.
///
/// Every program is run, captured live and symbolized by the command. Where a form of a program cannot have the same report, the rule
/// stands here.
@Suite struct CorpusReportTests {
  @Test func everyFormOfTheCxxProgramHasTheSameReport() throws {
    let directory = try TemporaryDirectory()
    let programs = try CorpusProgram.build("c++", into: directory)
    let library = try PlainLink(to: TestSupport.Handler.preloadLibrary)
    defer { withExtendedLifetime(library) {} }
    var fingerprints: [String: [String]] = [:]
    for program in programs {
      let frames: [ReportDocument.Frame]
      if program.handler == .walk {
        frames = try program.resolvedFrames()
      } else {
        let report = try program.report(preloading: library.path)
        frames = try chain(report, program)
        if program.hasCommonFingerprint {
          fingerprints[try #require(report.groups?.first?.fingerprint), default: []]
            .append(program.name)
        }
      }
      var reduced = between("read_byte", "block_in_read", and: "main", in: frames)
      if program.folded == true { reduced = try unfolded(reduced) }
      expect(reduced, toBe: try expectedCxx(of: program), program)
    }
    #expect(fingerprints.count == 1, "\(fingerprints)")
  }

  @Test func everyFormOfTheRustProgramHasTheSameReport() throws {
    let directory = try TemporaryDirectory()
    let programs = try CorpusProgram.build("rust", into: directory)
    let library = try PlainLink(to: TestSupport.Handler.preloadLibrary)
    defer { withExtendedLifetime(library) {} }
    // The linkage names hold hashes: they are not promised, but one and the same.
    var linkages: [String: Set<[String?]>] = [:]
    for program in programs {
      let report = try program.report(preloading: library.path)
      let reduced = between(
        "shop::orders::read_byte",
        and: "shop::main",
        in: try chain(report, program)
      )
      let form = try #require(program.form)
      linkages[form, default: []].insert(reduced.map(\.linkage))
      let promised: CorpusChain = form == "v0" ? .rustV0 : .rustLegacy
      expect(withoutLinkage(reduced), toBe: try promised.frames(of: program), program)
    }
    #expect(linkages.count == 2 && linkages.values.allSatisfy { $0.count == 1 }, "\(linkages)")
  }

  @Test func everyFormOfTheSwiftProgramHasTheSameReport() throws {
    let directory = try TemporaryDirectory()
    let programs = try CorpusProgram.build("swift", into: directory)
    let library = try PlainLink(to: TestSupport.Handler.preloadLibrary)
    defer { withExtendedLifetime(library) {} }
    for program in programs {
      let report = try program.report(preloading: library.path)
      // Thunks, and what specialized functions were made of, have no line of the source.
      let frames = try chain(report, program).filter {
        $0.file == "\(program.sourceDirectory)/shop.swift"
      }
      let isOptimised = program.form == "optimised"
      let reduced = withoutLinkage(frames.map(CorpusFrame.init)).map(withoutSpecialization)
      var promised = try CorpusChain.swift(isOptimised: isOptimised).frames(of: program)
      if program.linesOnly == true {
        // swiftc says of inlined functions only their names in the source.
        for index in promised.indices where promised[index].isInlined {
          promised[index].function = Self.baseName(promised[index].function)
        }
      }
      expect(reduced, toBe: promised, program)
    }
  }

  // MARK: - Rules

  private func expectedCxx(of program: CorpusProgram) throws -> [CorpusFrame] {
    var frames = try CorpusChain.cxx.frames(of: program)
    if program.symbolsOnly == true {
      frames.removeAll(where: \.isInlined)
      for index in frames.indices {
        frames[index].file = nil
        frames[index].line = nil
      }
    }
    if program.bareAssembly == true {
      for index in frames.indices where frames[index].function == "call_through_assembly" {
        frames[index].file = nil
        frames[index].line = nil
      }
    }
    if program.linesOnly == true {
      // clang says of inlined functions only what the source calls them.
      let lambda = try markedLines(of: Fixture.source("corpus/shop.hpp"))["post"] ?? 0
      for (full, short) in [
        ("::operator()(", "operator()"), ("::enter(", "enter"), ("::open(", "open"),
        ("::visit<", "visit<(lambda at \(program.sourceDirectory)/shop.hpp:\(lambda):24)>"),
      ] {
        for index in frames.indices
        where frames[index].isInlined && frames[index].function.contains(full) {
          frames[index].function = short
          frames[index].linkage = short
        }
      }
    }
    return frames
  }

  /// Of two functions that the linker made one, either may be named, with its own line.
  private func unfolded(_ frames: [CorpusFrame]) throws -> [CorpusFrame] {
    let lines = try markedLines(of: Fixture.source("corpus/orders.cpp"))
    return frames.map { frame in
      guard frame.function == "shop::regret(shop::Order const&)", frame.line == lines["regret"],
        frame.linkage == "_ZN4shop6regretERKNS_5OrderE"
      else { return frame }
      var other = frame
      other.function = "shop::refuse(shop::Order const&)"
      other.linkage = "_ZN4shop6refuseERKNS_5OrderE"
      other.line = lines["refuse"]
      return other
    }
  }

  /// The function that the source has, where Swift's optimizer made a copy of it: `… specialization <…> of NAME`.
  ///
  /// It makes them for types, and without arguments that are not used. Private functions carry the hash of their file.
  private func withoutSpecialization(_ frame: CorpusFrame) -> CorpusFrame {
    var plain = frame
    if let range = frame.function.ranges(of: " of ").last,
      frame.function.contains(" specialization <")
    {
      plain.function = String(frame.function[range.upperBound...])
    }
    plain.function = plain.function.replacing(/\((\w+) in _[0-9A-F]+\)/) { String($0.1) }
    return plain
  }

  /// `readByte` of `shop.readByte(Swift.Int32) -> Swift.Int`.
  private static func baseName(_ function: String) -> String {
    String(function.prefix { $0 != "(" }.split(separator: ".").last ?? "")
  }

  // MARK: - Parts

  /// The frames of the only thread; the walk must have come to its end.
  private func chain(
    _ report: ReportDocument,
    _ program: CorpusProgram
  ) throws -> [ReportDocument.Frame] {
    let thread = try #require(report.threads.first, "\(program.name)")
    #expect(
      report.complete && report.threads.count == 1 && thread.truncated == nil,
      "\(program.name)"
    )
    return thread.frames ?? []
  }

  /// From the innermost function of the source to its outermost one: libc's stand before and behind.
  private func between(
    _ first: String...,
    and last: String,
    in frames: [ReportDocument.Frame]
  ) -> [CorpusFrame] {
    let reduced = frames.map(CorpusFrame.init)
    guard let start = reduced.firstIndex(where: { first.contains($0.function) }),
      let end = reduced.firstIndex(where: { $0.function == last }), start <= end
    else { return reduced }
    return Array(reduced[start...end])
  }

  private func withoutLinkage(_ frames: [CorpusFrame]) -> [CorpusFrame] {
    frames.map { frame in
      var named = frame
      named.linkage = nil
      return named
    }
  }

  private func expect(
    _ frames: [CorpusFrame],
    toBe promised: [CorpusFrame],
    _ program: CorpusProgram
  ) {
    guard frames != promised else { return }
    let missing = promised.filter { !frames.contains($0) }
    let unexpected = frames.filter { !promised.contains($0) }
    Issue.record(
      """
      \(program.name): \(frames.count) frames, promised \(promised.count)
      promised only: \(missing.map(\.description).joined(separator: "\n  "))
      reported only: \(unexpected.map(\.description).joined(separator: "\n  "))
      """
    )
  }
}

extension CorpusProgram {
  /// A fingerprint is of names and module files: not of those without inlined functions or their full names, nor of programs that
  /// are divided otherwise: libc's functions in a static one, the chain in a library.
  fileprivate var hasCommonFingerprint: Bool {
    handler == .preload && symbolsOnly != true && linesOnly != true && folded != true
      && library != true
  }
}
