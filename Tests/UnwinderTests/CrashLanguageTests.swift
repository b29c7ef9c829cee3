import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

/// Last words and crashes of programs in C, C++, Rust and Swift.
@Suite struct CrashLanguageTests {
  @Test(arguments: [
    ("assert", "fail_assertion", "the books balance"),
    ("double free", "free_twice", "free(): double free detected"),
    ("corrupt heap", "in_corrupt_heap", "malloc(): corrupted top size"),
    ("fortify", "smash_buffer", "buffer overflow detected"),
  ])
  func whatAbortedSaysSoInTheCapture(how: String, function: String, message: String) throws {
    let outcome = try Service.crashing().crash(how)
    #expect(outcome.status == 128 + SIGABRT)
    let capture = try #require(outcome.captures.first)
    #expect(capture.header?.message.contains(message) == true, "\(capture.header?.message ?? "")")
    #expect(try outcome.crashedChain().first == function)
  }

  @Test func abortAloneHasNoMessage() throws {
    let outcome = try Service.crashing().crash("abort")
    #expect(outcome.captures.first?.header?.message == "")
    #expect(outcome.captures.first?.header?.exceptionType == "")
  }

  @Test(
    arguments: [
      ("runtime", "St13runtime_error", "no route to host"),
      ("logic", "St12out_of_range", "index 7 of 3"),
      ("system", "St12system_error", "bind: Address already in use"),
      (
        "several bases", "N4shop12RefusedErrorE",
        "card refused, and the text is longer than a short string holds"
      ),
      ("plain", "N4shop5PlainE", ""), ("int", "i", ""),
      ("rethrown runtime", "St13runtime_error", "no route to host"),
      ("noexcept logic", "St12out_of_range", "index 7 of 3"),
      ("thread runtime", "St13runtime_error", "no route to host"),
      ("no exception", "", ""),
    ],
    [[], ["-static-libstdc++"]]
  )
  func anExceptionThatNobodyCatchesIsNamed(
    program: (how: String, type: String, text: String),
    options: [String]
  ) throws {
    let service = try Service(Programs.cxxCrash(options), [program.how])
    let outcome = try service.end()
    #expect(outcome.status == 128 + SIGABRT)
    let header = try #require(outcome.captures.first?.header)
    #expect(header.exceptionType == program.type)
    #expect(header.exceptionText == program.text)
    #expect(header.message == "")
    let thread = try #require(outcome.captures.first?.crashedThread)
    #expect(thread.truncated == "" && thread.addresses.count > 5)
  }

  @Test(arguments: ["fatal error", "precondition", "nil"], ["0", "1"])
  func whatSwiftsChecksSayIsInTheCapture(how: String, backtrace: String) throws {
    let environment = backtrace == "1" ? "enable=yes,color=no,interactive=no" : "enable=no"
    let service = try Service(
      Programs.swiftCrash(["-Onone"]),
      [how],
      environment: ["SWIFT_BACKTRACE": environment]
    )
    let outcome = try service.end()
    #expect(outcome.captures.count == 1)
    let header = try #require(outcome.captures.first?.header)
    #expect(outcome.status == 128 + header.signal.number)
    #expect([SIGILL, SIGTRAP].contains(header.signal.number))
    let said = [
      "fatal error": "no price for order 4711", "precondition": "an order has a price",
      "nil": "Unexpectedly found nil",
    ]
    #expect(header.message.contains(try #require(said[how])), "\(header.message)")
    let chain = try outcome.crashedChain()
    #expect(chain.contains { $0.contains("3pay") }, "\(chain)")
    // The runtime's own backtrace follows where it is switched on.
    let text = service.program.errorText
    let hasBacktrace = text.contains("crashed:") && text.contains("pay(_:_:)")
    #expect(hasBacktrace == (backtrace == "1"), "\(text)")
  }

  @Test(arguments: [
    ("overflow", SIGABRT, SIGSEGV, "overflow"), ("thread overflow", SIGABRT, SIGSEGV, "overflow"),
    ("segv", SIGSEGV, SIGSEGV, "read_wild"), ("thread segv", SIGSEGV, SIGSEGV, "read_wild"),
    ("abort", SIGABRT, SIGABRT, "end"), ("panic", SIGABRT, SIGABRT, "end"),
  ])
  func aRustProgramEndsAsEverAndIsCaptured(
    how: String,
    last: Int32,
    first: Int32,
    function: String
  ) throws {
    let service = try Service(Programs.rustCrash(), [how])
    let outcome = try service.end()
    #expect(outcome.status == 128 + last)
    let capture = try #require(outcome.captures.first)
    #expect(capture.header?.signal.number == first)
    let symbols = try SymbolRanges(outcome.executable, demangles: true)
    let thread = try #require(capture.crashedThread)
    let chain = capture.chain(thread, symbols, in: outcome.executable)
    #expect(chain.contains { $0.contains("::\(function)") }, "\(chain)")
    // The standard library's own handler ran, on its own alternate stack of a few KiB.
    let isOverflow = function == "overflow"
    #expect(service.program.errorText.contains("has overflowed its stack") == isOverflow)
    // And its abort is a crash of its own.
    #expect(outcome.captures.count == (isOverflow ? 2 : 1))
  }
}
