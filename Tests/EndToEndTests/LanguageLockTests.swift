import Foundation
import TestSupport
import Testing

/// Locks of the libraries of C++, Swift and Rust: what they keep is told, and no more.
@Suite struct LanguageLockTests {
  let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
    try runSuccessfully("\(repositoryRoot)/scripts/build-handler")
  }

  @Test func locksOfCxxAreThoseOfTheCLibrary() throws {
    let program = try WaitingService.build(
      "locks.cpp",
      compiler: "g++",
      options: ["-O1", "-g", "-std=c++17"],
      in: directory
    )
    let document = try WaitingService(program, [], in: directory).document()
    let owner = try document.thread("owner").tid
    for (thread, kind, type, name) in [
      ("stock", "mutex", "normal", "shop::stock"), ("orders", "mutex", "recursive", "shop::orders"),
      ("prices", "rwlock", "read", "shop::prices"), ("pricing", "rwlock", "write", "shop::prices"),
    ] {
      let wait = try document.wait(thread)
      #expect(wait.kind == kind && wait.lock_type == type && wait.lock_name == name, "\(wait)")
      #expect(wait.owner_tid == owner, "\(thread)")
    }
    let condition = try document.wait("arrival")
    #expect(condition.kind == "condition" && condition.lock_name == "shop::arrived")
    #expect(condition.owner_tid == nil)
    let guarded = try document.wait("static")
    #expect(guarded.kind == "once" && guarded.owner_tid == nil)
    #expect(guarded.lock_name == "guard variable for shop::slow()::value")
    let once = try document.wait("once")
    #expect(once.kind == "once" && once.lock_name == "shop::opened" && once.owner_tid == nil)
  }

  @Test(arguments: ["-Onone", "-O"])
  func locksOfSwiftNameTheirOwner(_ optimization: String) throws {
    let program = try Fixture.build(
      ["waits/locks.swift"],
      compiler: "swiftc",
      arguments: [
        optimization, "-g", "-swift-version", "5", "-module-name", "shop", "-suppress-warnings",
        "-import-objc-header", "\(Handler.directory)/include/dumpcollect.h", Handler.archive,
      ],
      into: directory,
      named: "service"
    )
    let document = try WaitingService(program, [], in: directory).document()
    let owner = try document.thread("owner").tid
    let mutex = try document.wait("mutex")
    #expect(mutex.kind == "mutex" && mutex.owner_tid == owner, "\(mutex)")
    #expect(mutex.lock_type == "priority-inheriting")
    #expect(mutex.lock_name?.contains("stock") == true, "\(mutex)")
    let foundation = try document.wait("nslock")
    #expect(foundation.kind == "mutex" && foundation.owner_tid == owner, "\(foundation)")
    // The runtime initializes under a word that the kernel hands on.
    let once = try document.wait("static")
    #expect(once.owner_tid == (try document.thread("initializer").tid), "\(once)")
    #expect(once.kind == "once", "\(once)")
    #expect(try document.wait("semaphore").owner_tid == nil)
    // The word that it waits on is one of its own, on its stack: no address of the queue's, and nobody else waits there.
    let queue = try document.wait("queue")
    #expect(queue.kind == "queue" && queue.lock == nil && queue.owner_tid == nil, "\(queue)")
  }

  @Test func locksOfRustHaveNoOwnerAndWhatTheyGuardStaysInside() throws {
    let program = try Fixture.build(
      ["waits/locks.rs"],
      compiler: "rustc",
      arguments: ["--edition", "2021", "-g", "-C", "opt-level=1"]
        + Handler.linkArguments.flatMap { ["-C", "link-arg=\($0)"] },
      into: directory,
      named: "service"
    )
    let service = try WaitingService(program, [], in: directory)
    let path = try service.capture()
    let document = try WaitingService.document(of: path)
    for (thread, kind) in [
      ("mutex", "mutex"), ("rwlock", "rwlock"), ("once", "once"), ("condition", "condition"),
    ] {
      let wait = try document.wait(thread)
      #expect(wait.kind == kind && wait.owner_tid == nil, "\(thread) \(wait)")
      #expect(wait.lock != nil)
    }
    #expect(try document.wait("mutex").lock_name?.contains("STOCK") == true)
    #expect(document.findings.isEmpty)
  }
}
