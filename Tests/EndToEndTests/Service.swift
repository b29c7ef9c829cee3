import Foundation
import TestSupport
import Testing

/// One build of a program with the handler linked in, and the chains its source promises.
struct Service: Sendable, CustomTestStringConvertible {
  var name: String
  var source: String
  /// Compiler and its arguments, without output and libraries; nil for the program that the package builds.
  var command: [String]
  var chains: [Chain]
  /// Threads whose stacks do not move, for a debugger's second opinion.
  var stillThreads: [String]

  var testDescription: String { name }

  /// Builds the program into `directory`, and returns its path.
  func build(into directory: TemporaryDirectory) throws -> String {
    if command.isEmpty { return try Products.path(of: "ChainsFixture", configuration: name) }
    let program = directory.file("chains")
    try runSuccessfully(command[0], Array(command.dropFirst()) + ["-o", program])
    return program
  }

  static let all: [Service] = cServices + cxxServices + rustServices + swiftServices

  static let cServices: [Service] = {
    let source = Fixture.source("chains/chains.c")
    let chains = [
      Chain(
        "reader",
        [
          Chain.Link("block_in_read", inlined: false), Chain.Link("inlined_twice", inlined: true),
          Chain.Link("inlined_once", inlined: true), Chain.Link("reader_main", inlined: false),
        ]
      ),
      Chain("locker", ["take_lock", "locker_main"]),
      Chain("waiter", ["wait_for_condition", "waiter_main"]),
      Chain(
        "diver",
        ["block_in_read", Chain.Link("descend", at: "descend bottom")]
          + Array(repeating: "descend", count: 40) + ["diver_main"]
      ),
      Chain("masked", ["block_in_read", "masked_main"], mayEndEarly: true),
    ]
    return [
      ["gcc", "-O0"], ["gcc", "-O2"], ["gcc", "-O2", "-gdwarf-4"],
      ["gcc", "-O2", "-fomit-frame-pointer", "-static-libgcc"],
      ["clang", "-O0"], ["clang", "-O2"], ["clang", "-O2", "-gdwarf-4", "-fno-omit-frame-pointer"],
    ].map { command in
      Service(
        name: command.joined(separator: " "),
        source: source,
        command: command + ["-g", "-pthread", source] + Handler.compileArguments
          + Handler.linkArguments,
        chains: chains,
        stillThreads: ["reader", "locker", "waiter", "diver"]
      )
    }
  }()

  static let cxxServices: [Service] = {
    let source = Fixture.source("chains/chains.cpp")
    let chains = [
      Chain(
        "virtual",
        [
          Chain.Link("service::blockInRead(int)", at: "blockInRead"),
          Chain.Link("4>::poll(", at: "poll", inlined: true),
          Chain.Link("4>::keepAlive(", at: "keepAlive", inlined: false),
          Chain.Link("service::run(service::Session&", at: "run"), "virtualMain",
        ]
      ),
      Chain(
        "function",
        [
          Chain.Link("service::blockInRead(int)", at: "blockInRead"),
          Chain.Link("operator()", at: "lambda"), Chain.Link("service::call(", at: "call"),
          "functionMain",
        ]
      ),
      Chain(
        "catch",
        [
          Chain.Link("service::blockInRead(int)", at: "blockInRead"),
          Chain.Link("service::recover()", at: "recover"), "catchMain",
        ]
      ),
    ]
    return [["g++", "-O0"], ["g++", "-O2"], ["clang++", "-O0"], ["clang++", "-O2"]].map { command in
      Service(
        name: command.joined(separator: " "),
        source: source,
        command: command + ["-g", "-std=c++17", "-pthread", source] + Handler.compileArguments
          + Handler.linkArguments,
        chains: chains,
        stillThreads: ["virtual", "function", "catch"]
      )
    }
  }()

  static let rustServices: [Service] = {
    let source = Fixture.source("chains/chains.rs")
    let chains = [
      Chain(
        "session",
        [
          Chain.Link("block_in_read"), Chain.Link("poll", inlined: true),
          Chain.Link("keep_alive"), Chain.Link("run"), Chain.Link("main::{closure#", at: "session"),
          Chain.Link("spawn::<", at: "body"),
        ]
      ),
      Chain(
        "channel",
        [
          Chain.Link("receive"), Chain.Link("main::{closure#", at: "channel"),
          Chain.Link("spawn::<", at: "body"),
        ]
      ),
    ]
    return [["-C", "opt-level=0"], ["-C", "opt-level=3"]].map { options in
      Service(
        name: (["rustc"] + options).joined(separator: " "),
        source: source,
        command: ["rustc", "--edition", "2021", "-g", "-C", "symbol-mangling-version=v0"] + options
          + [source] + Handler.linkArguments.flatMap { ["-C", "link-arg=\($0)"] },
        chains: chains,
        stillThreads: ["session", "channel"]
      )
    }
  }()

  static let swiftServices: [Service] = {
    let source = Fixture.source("ChainsFixture/main.swift")
    return ["debug", "release"].map { configuration in
      // The optimizer makes a copy of `call` for its closure, whose code has the place
      // <compiler-generated>:51 (swiftc 6.3, and llvm-symbolizer says the same).
      let call = configuration == "debug" ? [Chain.Link("call(", at: "call")] : []
      let chains = [
        Chain(
          "session",
          [
            "blockInRead", "poll", "keepAlive", Chain.Link("run(", at: "run"),
            Chain.Link("closure #", at: "session"), Chain.Link("startThread(", at: "body"),
          ]
        ),
        Chain(
          "closure",
          ["blockInRead", Chain.Link("closure #", at: "closure")] + call + [
            Chain.Link("closure #", at: "closure call"), Chain.Link("startThread(", at: "body"),
          ]
        ),
      ]
      return Service(
        name: configuration,
        source: source,
        command: [],
        chains: chains,
        stillThreads: ["session", "closure"]
      )
    }
  }()
}
