import Report

/// A frame as tools for profiles take it; its texts are safe to print.
struct ProfileFrame {
  /// The function as text reports show it (Swift simplified), or its place in the module.
  var name: String
  /// The function as in the symbol table; nil where that is its name.
  var linkage: String?
  /// Source file.
  var file: String?
  /// Line in the file; 0 where it is not known.
  var line: UInt32 = 0
  /// Column in the line; 0 where it is not known.
  var column: UInt32 = 0
  /// The frame exists in the source only; the frame it was inlined into follows.
  var isInlined = false
  /// Code of Swift's runtime and library.
  var isRuntime = false
  /// The address stands behind the call.
  var isReturnAddress = false
  /// Index into `DumpReport.modules`.
  var module: Int?
  /// Address as captured; 0 of what stands for no code.
  var address: UInt64 = 0
  /// Address in the module's ELF file.
  var offset: UInt64?

  /// What stands for no code.
  init(mark name: String) {
    self.name = name
  }

  init(_ frame: Frame, in report: DumpReport) {
    let function = report.name(of: frame)
    name = visible(function.isEmpty ? report.codePlace(of: frame) : function)
    linkage = frame.linkage.map(visible)
    file = frame.file.map(visible)
    line = frame.line ?? 0
    column = frame.column ?? 0
    isInlined = frame.isInlined
    isRuntime = frame.isRuntime
    isReturnAddress = frame.origin != nil && frame.origin != .context && !frame.isAsync
    module = frame.module
    address = frame.address
    offset = frame.offset
  }
}

/// The stacks of threads and tasks as tools for profiles take them: every thread and task has one.
///
/// What a report says of a stack besides its frames becomes a frame too, a mark: such tools show frames alone, and a
/// thread that was left out would make the others look like all.
struct ProfileStacks {
  let report: DumpReport
  /// Those of the report at their places, then the marks.
  let frames: [ProfileFrame]

  init(_ report: DumpReport) {
    self.report = report
    frames =
      report.frames.map { ProfileFrame($0, in: report) }
      + [ProfileFrame(mark: "(stack ends early)"), ProfileFrame(mark: "(no stack)")]
  }

  /// Stands outermost where the walk ended before the outermost frame.
  private var earlyEnd: Int { report.frames.count }
  /// The only frame of threads and tasks without a stack.
  private var nothing: Int { report.frames.count + 1 }

  /// Indices into `frames`, innermost first.
  func stack(of thread: ReportThread) -> [Int] {
    stack(thread.stack, truncated: thread.truncated)
  }

  /// Indices into `frames`, innermost first.
  func stack(of task: ReportTask) -> [Int] {
    stack(task.stack, truncated: task.truncated)
  }

  private func stack(_ index: Int?, truncated: String?) -> [Int] {
    guard let stack = index.map({ report.stacks[$0] }), !stack.isEmpty else { return [nothing] }
    return truncated == nil ? stack : stack + [earlyEnd]
  }
}

/// Equal values counted, in the order in which each came first.
struct CountedValues<Value: Hashable> {
  private(set) var values: [(value: Value, count: Int)] = []
  private var indices: [Value: Int] = [:]

  /// Adds one, and says which of `values` it is.
  @discardableResult
  mutating func add(_ value: Value) -> Int {
    if let index = indices[value] {
      values[index].count += 1
      return index
    }
    indices[value] = values.count
    values.append((value, 1))
    return values.count - 1
  }
}
