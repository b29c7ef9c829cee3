import CaptureFormat
import Glibc
import TestSupport
import Testing

/// Chains of functions that a capture shows, against those that the programs' sources say.
@Suite struct ChainTests {
  @Test(arguments: [
    ("gcc", ["-O0"]), ("gcc", ["-O2", "-fomit-frame-pointer"]),
    ("gcc", ["-O2", "-fno-omit-frame-pointer"]), ("clang", ["-O1"]),
    ("gcc", ["-O1", "-no-pie"]),
  ])
  func everyThreadOfACServiceStandsWhereItsSourceSays(compiler: String, options: [String]) throws {
    let service = try Service(Programs.service(compiler, options), ["threads"])
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    try expectServiceChains(capture, service)
    #expect(capture.isComplete, "\(capture.damage)")
    #expect(capture.header?.reason == "signal")
    #expect(capture.header?.signal.number == SIGQUIT)
    #expect(capture.header?.signal.senderPid == getpid())
    #expect(capture.end?.threadsCaptured == 5)
  }

  @Test func theSharedLibraryCapturesTheSame() throws {
    let service = try Service(Programs.sharedService(), ["threads"])
    try service.program.wait(for: "ready")
    try expectServiceChains(service.dump(), service)
  }

  private func expectServiceChains(_ capture: Capture, _ service: Service) throws {
    let symbols = try SymbolRanges(service.executable)
    func chain(_ thread: WireThread) -> [String] {
      capture.chain(thread, symbols, in: service.executable)
    }
    #expect(capture.threads.count == 5)
    for thread in capture.threads {
      #expect(thread.status == .captured, "\(thread.name): \(thread.reason)")
      #expect(thread.truncated == "", "\(thread.name)")
    }
    let readers = capture.threads(named: "reader")
    #expect(readers.count == 2)
    for reader in readers {
      #expect(chain(reader) == ["block_in_read", "serve_request", "serve_connection", "reader"])
      #expect(reader.state == "S")
      #expect(reader.syscall.number == 0)
      #expect(reader.wchan.contains("pipe"))
      #expect(reader.labels.map { "\($0.key)=\($0.value)" } == ["request=4711"])
    }
    let worker = try #require(capture.threads(named: "pool worker").first)
    #expect(chain(worker) == ["wait_for_job", "run_pool", "pool_worker"])
    #expect(worker.syscall.number == 202)
    let busy = try #require(capture.threads(named: "busy").first)
    #expect(chain(busy) == ["spin", "busy"])
    #expect(busy.state == "R")
    let main = try #require(capture.threads.first { $0.tid == service.program.processID })
    #expect(Array(chain(main).prefix(2)) == ["serve_commands", "main"])
  }

  @Test(arguments: [["-O0"], ["-O2"]])
  func everyThreadOfACxxServiceStandsWhereItsSourceSays(options: [String]) throws {
    let service = try Service(Programs.cxxService(options))
    try service.program.wait(for: "ready")
    try service.waitForGrowth(of: "thrown", beyond: 0)
    let symbols = try SymbolRanges(service.executable, demangles: true)
    let capture = try service.dump()
    let chains = capture.threads.map { capture.chain($0, symbols, in: service.executable) }
    let blocked = try #require(chains.first { $0.first == "service::block()" })
    #expect(
      Array(blocked.prefix(3)) == [
        "service::block()", "service::Lookup::handle()",
        "service::Connection<service::Lookup>::serve()",
      ]
    )
    // The other thread may be anywhere in a throw, but it came from there, or from the part that is placed apart (.cold).
    let throwing = "service::throw_all_the_time()"
    #expect(chains.contains { $0.contains { $0.hasPrefix(throwing) } }, "\(chains)")
  }

  @Test(arguments: [["-Copt-level=0"], ["-Copt-level=2"]])
  func everyThreadOfARustServiceStandsWhereItsSourceSays(options: [String]) throws {
    let service = try Service(Programs.rustService(options))
    try service.program.wait(for: "ready")
    let symbols = try SymbolRanges(service.executable, demangles: true)
    let capture = try service.dump()
    let lookup = try #require(capture.threads(named: "lookup").first)
    let chain = capture.chain(lookup, symbols, in: service.executable)
    let own = ["block_in_read", "run", "serve"]
    let found = chain.compactMap { name in own.first { name.contains("::\($0)") } }
    #expect(found == own, "\(chain)")
    #expect(lookup.truncated == "")
    #expect(lookup.labels.map { "\($0.key)=\($0.value)" } == ["language=rust"])
    let worker = try #require(capture.threads(named: "worker").first)
    let working = capture.chain(worker, symbols, in: service.executable)
    #expect(working.prefix(2).contains { $0.contains("work_for_ever") }, "\(working)")
  }

  @Test(arguments: [["-Onone"], ["-O"]])
  func everyThreadOfASwiftServiceStandsWhereItsSourceSays(options: [String]) throws {
    let service = try Service(Programs.swiftService(options))
    try service.program.wait(for: "ready")
    let symbols = try SymbolRanges(service.executable)
    let capture = try service.dump()
    // Witness and reabstraction thunks stand between the functions where nothing is optimized.
    let chains = capture.threads.map {
      capture.chain($0, symbols, in: service.executable).filter { !$0.hasSuffix("TW") }
    }
    let blocked = chains.filter { $0.first?.contains("blockOnSemaphore") == true }
    #expect(blocked.count == 4, "\(chains)")
    for chain in blocked {
      try #require(chain.count >= 4, "\(chain)")
      #expect(chain[1].contains("Lookup") && chain[1].contains("run"), "\(chain)")
      #expect(chain[2].contains("serve"), "\(chain)")
      #expect(chain[3].contains("ServiceO") && chain[3].contains("fU"), "\(chain)")
    }
    #expect(
      chains.contains { $0.prefix(3).contains { $0.contains("workForEver") } },
      "\(chains)"
    )
    for thread in capture.threads {
      #expect(thread.status == .captured, "\(thread.name) \(thread.reason)")
      #expect(thread.truncated == "", "\(thread.name)")
    }
    #expect(try service.number("work") > 0)
  }

  @Test func theFrameAfterASignalFrameIsTheInterruptedOne() throws {
    let service = try Service(Programs.service(), ["in-handler"])
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    let symbols = try SymbolRanges(service.executable)
    let thread = try #require(capture.threads(named: "in handler").first)
    let index = try #require(thread.marks.first { $0.kind == .signalFrame }?.index)
    #expect(thread.marks.contains { $0.index == index + 1 && $0.kind == .exact })
    // The trampoline is libc's, and its code says what it is; behind it lies the system call that
    // raised the signal.
    let trampoline = thread.addresses[Int(index)]
    let libc = try #require(capture.module(at: trampoline))
    #expect(libc.path.hasSuffix("/libc.so.6"))
    let disassembly = try runSuccessfully(
      "objdump",
      [
        "-d", "--no-show-raw-insn", "--start-address=\(trampoline &- libc.loadBias)",
        "--stop-address=\(trampoline &- libc.loadBias + 9)", libc.path,
      ]
    )
    #expect(disassembly.contains("$0xf,%rax") && disassembly.contains("syscall"))
    #expect(
      capture.chain(thread, symbols, in: service.executable) == [
        "block_in_read", "on_user_signal", "raise_here", "in_handler",
      ]
    )
    #expect(thread.truncated == "")
  }

  @Test func aHandlerOnAnAlternateStackIsSeenThroughAndSaysSo() throws {
    let service = try Service(Programs.service(), ["in-handler-alternate"])
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    let symbols = try SymbolRanges(service.executable)
    let thread = try #require(capture.threads(named: "in handler").first)
    #expect(
      capture.chain(thread, symbols, in: service.executable) == [
        "block_in_read", "on_user_signal", "raise_here", "in_handler_on_alternate_stack",
      ]
    )
    #expect(thread.reason.contains("outside the copy"))
  }

  @Test func aStackLongerThanACopyIsReadToItsEndAndSaysSo() throws {
    let service = try Service(Programs.service("gcc", ["-O0"]), ["deep"])
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    let symbols = try SymbolRanges(service.executable)
    let thread = try #require(capture.threads(named: "deep").first)
    #expect(
      capture.chain(thread, symbols, in: service.executable)
        == ["block_in_read"] + Array(repeating: "recurse", count: 301) + ["deep"]
    )
    #expect(thread.reason.contains("outside the copy"))
    #expect(thread.truncated == "")
  }

  @Test func theFrameLimitIsSaid() throws {
    let service = try Service(
      Programs.service("gcc", ["-O0"]),
      ["deep"],
      settings: "min-interval=none,max-frames=40"
    )
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    let thread = try #require(capture.threads(named: "deep").first)
    #expect(thread.addresses.count == 40)
    #expect(thread.truncated == "frame limit reached")
    let other = try #require(capture.threads.first { $0.tid == service.program.processID })
    #expect(other.truncated == "")
    #expect(capture.header?.maxFrames == 40)
  }

  @Test func aCoroutineStackIsCopiedToItsEnd() throws {
    let service = try Service(Programs.service(), ["coroutine"])
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    let symbols = try SymbolRanges(service.executable)
    let thread = try #require(capture.threads(named: "coroutine").first)
    #expect(thread.status == .captured)
    #expect(
      capture.chain(thread, symbols, in: service.executable) == ["block_in_read", "coroutine_body"]
    )
    // makecontext's return path has no unwind information, on purpose.
    #expect(thread.truncated.hasPrefix("no unwind information"))
  }

  @Test func stackBytesAndRegistersAreThereWhenAskedFor() throws {
    let service = try Service(
      Programs.service(),
      ["reader"],
      settings: "min-interval=none,stack-bytes=4KiB,arguments=on"
    )
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    let thread = try #require(capture.threads(named: "reader").first)
    #expect(thread.registers.values.count == 17)
    #expect(thread.registers.values[16] == thread.addresses[0])
    #expect(thread.stackAddress == thread.registers.values[7] - 128)
    #expect(thread.stack.count > 128 && thread.stack.count <= 4096)
    #expect(capture.process?.arguments == [service.executable, "reader"])
  }

  @Test func nothingOfStackOrArgumentsIsThereUnlessAskedFor() throws {
    let service = try Service(Programs.service(), ["reader"])
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    #expect(capture.process?.arguments == [])
    for thread in capture.threads {
      #expect(thread.stack.isEmpty)
      #expect(!thread.hasRegisters)
    }
  }
}
