import Foundation
import TestSupport

/// A frame, reduced to what must not depend on how its program was built.
struct CorpusFrame: Equatable, CustomStringConvertible {
  /// As demangled, without the marks of a compiler's copies (`[clone .isra.0]`).
  var function: String
  /// Without those marks too; nil where it is not promised.
  var linkage: String?
  var file: String?
  var line: Int?
  var isInlined: Bool

  var description: String {
    "\(isInlined ? "inlined " : "")\(function) (\(linkage ?? "-")) \(file ?? "-"):\(line ?? 0)"
  }
}

extension CorpusFrame {
  init(_ frame: ReportDocument.Frame) {
    function = Self.withoutClones(frame.function ?? "?")
    linkage = frame.linkage.map(Self.withoutClones)
    file = frame.file
    line = frame.line
    isInlined = frame.isInlined
  }

  /// gcc and clang make copies of functions (`.isra.0`, `.constprop.0`), and place parts of them elsewhere (`.cold`, `.__part.2`).
  private static func withoutClones(_ name: String) -> String {
    name.replacing(/( \[clone \.[a-z_]+(\.\d+)?\])+$/, with: "")
      .replacing(/(\.(cold|(constprop|isra|part|__part|lto_priv)\.\d+))+$/, with: "")
  }
}

/// The chain that a source of the corpus promises, innermost first, and where a form of the program may differ from it.
struct CorpusChain {
  /// A function of the source, and the comment `at MARKER` of the line it stands on.
  struct Link {
    var function: String
    var linkage: String?
    var source: String
    var marker: String
    var isInlined = false
  }

  var links: [Link]

  /// The frames of a program of this chain.
  func frames(of program: CorpusProgram) throws -> [CorpusFrame] {
    var lines: [String: [String: Int]] = [:]
    for source in Set(links.map(\.source)) {
      lines[source] = try markedLines(of: Fixture.source("corpus/\(source)"))
    }
    return try links.map { link in
      guard let line = lines[link.source]?[link.marker] else {
        throw CommandFailure("no line of \(link.source) is marked \(link.marker)")
      }
      return CorpusFrame(
        function: link.function,
        linkage: link.linkage,
        file: "\(program.sourceDirectory)/\(link.source)",
        line: line,
        isInlined: link.isInlined
      )
    }
  }
}

extension CorpusChain {
  static let cxx = CorpusChain(links: [
    Link(
      function: "read_byte",
      linkage: "read_byte",
      source: "blocking.c",
      marker: "read_byte",
      isInlined: true
    ),
    Link(
      function: "block_in_read",
      linkage: "block_in_read",
      source: "blocking.c",
      marker: "block_in_read"
    ),
    Link(
      function: "shop::refuse(shop::Order const&)",
      linkage: "_ZN4shop6refuseERKNS_5OrderE",
      source: "orders.cpp",
      marker: "refuse"
    ),
    Link(
      function: "shop::check(shop::Order const&)",
      linkage: "_ZN4shop5checkERKNS_5OrderE",
      source: "orders.cpp",
      marker: "check"
    ),
    Link(
      function:
        "shop::Ledger<long, 4>::post(shop::Order const&)::{lambda(int)#1}::operator()(int) const",
      linkage: "_ZZN4shop6LedgerIlLi4EE4postERKNS_5OrderEENKUliE_clEi",
      source: "shop.hpp",
      marker: "lambda",
      isInlined: true
    ),
    Link(
      function: """
        int shop::Ledger<long, 4>::visit<shop::Ledger<long, 4>::post(shop::Order const&)::{lambda(int)#1}>\
        (shop::Ledger<long, 4>::post(shop::Order const&)::{lambda(int)#1})
        """,
      linkage: "_ZN4shop6LedgerIlLi4EE5visitIZNS1_4postERKNS_5OrderEEUliE_EEiT_",
      source: "shop.hpp",
      marker: "visit",
      isInlined: true
    ),
    Link(
      function: "shop::Ledger<long, 4>::post(shop::Order const&)",
      linkage: "_ZN4shop6LedgerIlLi4EE4postERKNS_5OrderE",
      source: "shop.hpp",
      marker: "post"
    ),
    Link(
      function: "shop::(anonymous namespace)::serve(int)",
      linkage: "_ZN4shop12_GLOBAL__N_15serveEi",
      source: "main.cpp",
      marker: "serve"
    ),
    Link(
      function: "call_through_assembly",
      linkage: "call_through_assembly",
      source: "assembly.S",
      marker: "call_through_assembly"
    ),
    Link(
      function: "shop::enter(int (*)(int), int)",
      linkage: "_ZN4shop5enterEPFiiEi",
      source: "shop.hpp",
      marker: "enter",
      isInlined: true
    ),
    Link(
      function: "shop::open(int (*)(int), int)",
      linkage: "_ZN4shop4openEPFiiEi",
      source: "shop.hpp",
      marker: "open",
      isInlined: true
    ),
    Link(
      function: "shop::run(int)",
      linkage: "_ZN4shop3runEi",
      source: "main.cpp",
      marker: "run"
    ),
    Link(function: "main", linkage: "main", source: "main.cpp", marker: "main"),
  ])

  /// The older mangling has no type arguments, and hashes in its linkage names.
  static let rustLegacy = rust(
    post: "<shop::Ledger<K> as shop::Account>::post",
    closure: "<shop::Ledger<K> as shop::Account>::post::{{closure}}",
    visit: "shop::Ledger<K>::visit"
  )

  static let rustV0 = rust(
    post: "<shop::Ledger<i32> as shop::Account>::post",
    closure: "<shop::Ledger<i32> as shop::Account>::post::{closure#0}",
    visit: """
      <shop::Ledger<i32>>::visit::<<shop::Ledger<i32> as shop::Account>::post::{closure#0}>
      """
  )

  private static func rust(post: String, closure: String, visit: String) -> CorpusChain {
    func link(_ function: String, _ marker: String, isInlined: Bool = false) -> Link {
      Link(function: function, source: "shop.rs", marker: marker, isInlined: isInlined)
    }
    return CorpusChain(links: [
      link("shop::orders::read_byte", "read_byte", isInlined: true),
      link("shop::orders::block_in_read", "block_in_read"),
      link(closure, "closure", isInlined: true), link(visit, "visit", isInlined: true),
      link(post, "post"), link("shop::run", "run"), link("shop::main", "main"),
    ])
  }

  /// Without optimisation swiftc inlines nothing, whatever the source says; with it, `main` too.
  static func swift(isOptimised: Bool) -> CorpusChain {
    func link(_ function: String, _ marker: String, isInlined: Bool = false) -> Link {
      Link(
        function: function,
        source: "shop.swift",
        marker: marker,
        isInlined: isInlined && isOptimised
      )
    }
    return CorpusChain(links: [
      link("shop.readByte(Swift.Int32) -> Swift.Int", "readByte", isInlined: true),
      link("shop.blockInRead(Swift.Int32) -> Swift.Int", "blockInRead"),
      link("shop.Ledger.visit(Swift.Int) -> Swift.Int", "visit", isInlined: true),
      link("shop.Ledger.post(Swift.Int) -> Swift.Int", "post"),
      link("shop.run(shop.Account) -> Swift.Int", "run"),
      link("static shop.Shop.open(Swift.Int) -> Swift.Int", "open"),
      link("static shop.Shop.main() -> ()", "main", isInlined: true),
    ])
  }
}
