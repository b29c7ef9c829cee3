import CaptureFormat
import Foundation
import TestSupport
import Testing

/// A service with tasks, and the names of the functions in its tasks' stacks.
struct TaskService {
  let service: Service
  private let symbols: SymbolRanges?

  init(
    _ executable: String,
    _ arguments: [String],
    settings: String = "min-interval=none",
    environment: [String: String?] = [:],
    hasSymbols: Bool = true,
    launcher: [String] = []
  ) throws {
    service = try Service(
      executable,
      arguments,
      settings: settings,
      environment: environment,
      launcher: launcher
    )
    try service.program.wait(for: "ready")
    symbols = hasSymbols ? try SymbolRanges(executable) : nil
  }

  /// Functions of the program in a task's stack, innermost first.
  ///
  /// A part of an asynchronous function behind its await counts as the function: the suffix of its mangled name is left out.
  func functions(of task: WireTask, in capture: Capture) throws -> [String] {
    let stack = try #require(capture.taskStacks.first { $0.id == task.stack })
    return stack.addresses.compactMap { address in
      guard let module = capture.module(at: address), module.path == service.executable,
        let name = symbols?.name(at: address &- module.loadBias)
      else { return nil }
      return name.replacing(/T[QY][0-9]+_$/, with: "")
    }
  }
}

extension Capture {
  func tasks(named name: String) -> [WireTask] { tasks.filter { $0.name == name } }

  func task(named name: String) throws -> WireTask {
    let found = tasks(named: name)
    #expect(found.count == 1, "tasks named “\(name)”")
    return try #require(found.first)
  }

  func executor(_ id: UInt32) -> WireExecutor? { executors.first { $0.id == id } }
}

@Suite struct TaskTests {
  @Test(arguments: [["-Onone"], ["-O"]])
  func everyTaskSaysWhatItWaitsFor(options: [String]) throws {
    let tasks = try TaskService(Programs.taskService(options), ["waits"])
    let capture = try tasks.service.dump()
    let summary = try #require(capture.taskSummary)
    #expect(summary.runtime == .shared)
    #expect(summary.decoded)
    #expect(summary.reason == "")
    #expect(summary.layoutVersion == 1)
    #expect(summary.tasks == UInt64(capture.tasks.count))
    #expect(summary.notesThreads)
    #expect(Set(capture.tasks.map(\.id)).count == capture.tasks.count)

    for name in ["continuation", "sleep", "target", "stream", "deep", "cancelled", "high"] {
      let task = try capture.task(named: name)
      #expect(task.state == .suspended, "\(name)")
      #expect(task.wait == .continuation, "\(name)")
      #expect(task.doubt == "", "\(name)")
      #expect(task.kind == .task, "\(name)")
      #expect(task.cancelled == (name == "cancelled"), "\(name)")
      #expect(task.tid == 0, "\(name)")
    }
    let value = try capture.task(named: "value")
    #expect(value.wait == .anotherTask)
    #expect(try value.waitTask == capture.task(named: "target").id)
    let throwing = try capture.task(named: "throwing value")
    #expect(throwing.wait == .anotherTask)
    #expect(try throwing.waitTask == capture.task(named: "throwing target").id)

    for (name, child, count) in [
      ("group", "group child", 2), ("discarding group", "discarding child", 1),
    ] {
      let group = try capture.task(named: name)
      let children = capture.tasks(named: child)
      #expect(group.wait == .group)
      #expect(group.waitGroup != 0)
      #expect(children.count == count)
      #expect(
        children.allSatisfy {
          $0.kind == .groupChild && $0.parent == group.id && $0.group == group.waitGroup
            && $0.wait == .continuation
        }
      )
    }
    let owner = try capture.task(named: "async let")
    let children = capture.tasks.filter { $0.parent == owner.id }
    #expect(children.count == 2)
    #expect(children.allSatisfy { $0.kind == .asyncLet && $0.wait == .continuation })
    #expect(owner.wait == .anotherTask)
    #expect(children.contains { $0.id == owner.waitTask })
  }

  @Test(arguments: [["-Onone"], ["-O"]])
  func tasksThatWaitForAnActorNameItAndItsHolder(options: [String]) throws {
    let tasks = try TaskService(Programs.taskService(options), ["waits"])
    let capture = try tasks.service.dump()
    let holder = try capture.task(named: "holder")
    #expect(holder.state == .running)
    let thread = try #require(capture.threads.first { $0.tid == holder.tid })
    #expect(thread.task == holder.id)
    let waiting = capture.tasks(named: "actor")
    #expect(waiting.count == 2)
    #expect(waiting.allSatisfy { $0.state == .enqueued && $0.wait == .executor })
    let bank = try #require(capture.executor(waiting[0].executor))
    #expect(bank.kind == .actor)
    #expect(bank.typeName == "Bank")
    #expect(bank.address == thread.executor)
    #expect(bank.holderTid == holder.tid)
    #expect(bank.holderTask == holder.id)
    #expect(holder.executor == bank.id)
    #expect(waiting[1].executor == bank.id)
    let main = try capture.task(named: "main actor")
    #expect(main.state == .enqueued)
    #expect(main.wait == .executor)
    let executor = try #require(capture.executor(main.executor))
    #expect(executor.kind == .mainActor)
    // Its class is a symbol of the runtime's.
    #expect(capture.module(at: executor.type)?.path.hasSuffix("libswift_Concurrency.so") == true)
  }

  @Test(arguments: [["-Onone"], ["-O"]])
  func stacksOfTasksAreWhatTheSourceSays(options: [String]) throws {
    let tasks = try TaskService(Programs.taskService(options), ["waits"])
    let capture = try tasks.service.dump()
    let task = try capture.task(named: "continuation")
    let functions = try tasks.functions(of: task, in: capture)
    let named = functions.filter { $0.hasSuffix("yyYaF") }
    #expect(named == ["$s5tasks4parkyyYaF", "$s5tasks9innerCallyyYaF", "$s5tasks9outerCallyyYaF"])
    #expect(functions.count == Set(functions).count, "\(functions)")
    // Behind them the closure, and nothing of the runtime's end.
    #expect(functions.count > 3)
    let deep = try tasks.functions(of: capture.task(named: "deep"), in: capture)
    #expect(deep.filter { $0.contains("descend") }.count == 301)
    let endless = try capture.task(named: "endless")
    let stack = try #require(capture.taskStacks.first { $0.id == endless.stack })
    #expect(stack.truncated == "more frames than max-frames")
    #expect(stack.addresses.count == 512)
    let whole = capture.taskStacks.filter { $0.id != endless.stack }
    #expect(whole.allSatisfy { $0.truncated == "" && !$0.addresses.isEmpty })
    #expect(capture.taskSummary?.partialStacks == 1)
  }

  @Test func namesAndPrioritiesAreThoseOfTheSource() throws {
    let tasks = try TaskService(Programs.taskService(["-Onone"]), ["waits"])
    let capture = try tasks.service.dump()
    #expect(try capture.task(named: "high").priority == 25)
    #expect(try capture.task(named: "low").priority == 9)
    #expect(try capture.task(named: "continuation").priority == 21)
    let long = capture.tasks.filter { $0.name.hasPrefix("long name") }
    #expect(long.map(\.name) == [String(String(repeating: "long name ", count: 40).prefix(255))])
    #expect(capture.tasks.contains { $0.name == "" && $0.kind == .task })
  }

  @Test func tasksThatWereNeverStartedShowWhatTheyWillBeginWith() throws {
    let tasks = try TaskService(Programs.taskService(["-Onone"]), ["unstarted"])
    let capture = try tasks.service.dump()
    for name in ["unstarted", "unstarted value"] {
      let task = try capture.task(named: name)
      #expect(task.state == .enqueued, "\(name)")
      #expect(task.wait == .executor, "\(name)")
      #expect(task.executor == 0, "\(name)")
      let functions = try tasks.functions(of: task, in: capture)
      #expect(functions.contains { $0.hasPrefix("$s5tasks14startUnstarted") }, "\(functions)")
    }
    let busy = capture.tasks(named: "busy")
    #expect(busy.allSatisfy { $0.state == .running })
    let running = capture.threads.filter { $0.task != 0 }
    #expect(Set(running.map(\.task)) == Set(busy.map(\.id)))
    #expect(Set(busy.map(\.tid)) == Set(running.map(\.tid)))
  }

  @Test(arguments: [["-Onone"], ["-O"]])
  func aHundredThousandParkedTasksAreFoundExactly(options: [String]) throws {
    let tasks = try TaskService(Programs.taskService(options), ["many", "100000"])
    let capture = try tasks.service.dump()
    #expect(capture.isComplete)
    #expect(capture.tasks.count == 100_000)
    #expect(Set(capture.tasks.map(\.id)).count == 100_000)
    #expect(capture.taskSummary?.suspended == 100_000)
    #expect(capture.taskStacks.count == 1)
    #expect(capture.tasks.allSatisfy { $0.wait == .continuation && $0.stack == 1 })
    let functions = try tasks.functions(of: capture.tasks[0], in: capture)
    let frames = functions.compactMap { $0.firstMatch(of: /frame([0-9])/)?.1 }
    #expect(frames.map(String.init) == ["1", "2", "3", "4", "5"])
  }

  @Test func aServiceWithoutSwiftConcurrencyIsNotScanned() throws {
    let service = try Service(Programs.service(), ["threads"])
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    let summary = try #require(capture.taskSummary)
    #expect(summary.runtime == .none)
    #expect(!summary.decoded)
    #expect(summary.scannedBytes == 0)
    #expect(capture.tasks.isEmpty)
    #expect(try service.state().u32(24) & 4 == 0)
  }

  @Test func tasksAreLeftOutWhereSwitchedOff() throws {
    let tasks = try TaskService(
      Programs.taskService(["-Onone"]),
      ["waits"],
      settings: "min-interval=none,tasks=off"
    )
    let capture = try tasks.service.dump()
    #expect(capture.tasks.isEmpty)
    #expect(capture.taskSummary?.decoded == false)
    #expect(capture.taskSummary?.reason == "tasks not decoded: switched off")
    #expect(capture.taskSummary?.scannedBytes == 0)
    #expect(try tasks.service.state().u32(24) & 4 == 0)
  }

  @Test func theStateFileSaysThatTasksAreDecoded() throws {
    let tasks = try TaskService(Programs.taskService(["-Onone"]), ["waits"])
    #expect(try tasks.service.state().u32(24) & 4 == 4)
  }
}
