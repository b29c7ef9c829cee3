extension Redactor {
  mutating func redacted(_ process: ReportProcess) -> ReportProcess {
    var process = process
    process.name = name(process.name)
    process.executable = path(process.executable)
    process.arguments = process.arguments.map { value($0) ?? "" }
    process.userID = nil
    process.host = value(process.host)
    process.cgroup = value(process.cgroup)
    process.kernel = text(process.kernel)
    if var vitals = process.vitals {
      vitals.limits = vitals.limits.map {
        ResourceLimit(name: text($0.name), soft: $0.soft, hard: $0.hard)
      }
      process.vitals = vitals
    }
    return process
  }

  mutating func redacted(_ module: ReportModule) -> ReportModule {
    var module = module
    module.path = path(module.path)
    module.buildID = text(module.buildID)
    module.debugFile = path(module.debugFile)
    module.reason = sentence(module.reason)
    return module
  }

  mutating func redacted(_ frame: Frame) -> Frame {
    var frame = frame
    frame.function = text(frame.function)
    frame.linkage = text(frame.linkage)
    frame.aliases = frame.aliases.map { text($0) }
    frame.shortFunction = text(frame.shortFunction)
    frame.file = path(frame.file)
    frame.unknown = sentence(frame.unknown)
    return frame
  }

  mutating func redacted(_ thread: ReportThread) -> ReportThread {
    var thread = thread
    thread.name = name(thread.name)
    thread.reason = sentence(thread.reason)
    thread.systemCall = text(thread.systemCall)
    thread.waitChannel = text(thread.waitChannel)
    thread.policy = text(thread.policy)
    var labels: [String: String] = [:]
    for (key, value) in thread.labels {
      labels[text(key)] = isRedacted(label: key) ? self.value(value) : text(value)
    }
    thread.labels = labels
    thread.truncated = sentence(thread.truncated)
    // Eight bytes each of what the thread worked on.
    thread.registers = []
    let creator = name(thread.createdBy?.name)
    thread.createdBy?.name = creator
    thread.waitsFor = thread.waitsFor.map { redacted($0) }
    return thread
  }

  mutating func redacted(_ target: WaitTarget) -> WaitTarget {
    var target = target
    target.lockName = text(target.lockName)
    target.lockType = text(target.lockType)
    target.note = sentence(target.note)
    target.descriptors = target.descriptors.map { redacted($0) }
    return target
  }

  mutating func redacted(_ descriptor: WaitDescriptor) -> WaitDescriptor {
    var descriptor = descriptor
    let isPath = descriptor.kind == "unix"
    descriptor.kind = text(descriptor.kind)
    descriptor.local = descriptor.local.map { isPath ? value($0) ?? "" : endpoint($0) }
    descriptor.peer = descriptor.peer.map { isPath ? value($0) ?? "" : endpoint($0) }
    descriptor.path = descriptor.path.map { openFile($0) }
    return descriptor
  }

  mutating func redacted(_ task: ReportTask) -> ReportTask {
    var task = task
    task.name = name(task.name)
    task.truncated = sentence(task.truncated)
    task.doubt = sentence(task.doubt)
    return task
  }

  mutating func redacted(_ executor: ReportExecutor) -> ReportExecutor {
    var executor = executor
    executor.type = text(executor.type)
    executor.unknown = sentence(executor.unknown)
    return executor
  }

  mutating func redacted(_ summary: ReportTaskSummary) -> ReportTaskSummary {
    var summary = summary
    summary.reason = sentence(summary.reason)
    summary.skipped = summary.skipped.map {
      ReportTaskSummary.SkippedMemory(reason: sentence($0.reason), byteCount: $0.byteCount)
    }
    return summary
  }

  mutating func redacted(_ connection: ReportConnection) -> ReportConnection {
    var connection = connection
    connection.state = text(connection.state)
    connection.local = connection.local.map { endpoint($0) }
    connection.peer = connection.peer.map { endpoint($0) }
    return connection
  }
}
