import CaptureFormat
import Report

extension DumpReport {
  /// What the capture says of the process besides its threads.
  mutating func takeProcessState(_ capture: Capture) {
    process.vitals = capture.vitals.map(ReportVitals.init)
    if let record = capture.descriptors { takeDescriptors(record) }
    environment = (capture.environment?.variables ?? []).map {
      EnvironmentVariable(name: $0.name, value: $0.hasValue ? $0.value : nil)
    }
    notes = (capture.notes?.notes ?? []).map { note in
      var found = ReportNote(text: note.text)
      if note.timeNs != 0 { found.time = .init(nanosecondsSince1970: note.timeNs) }
      found.threadID = note.tid == 0 ? nil : note.tid
      return found
    }
    olderNotes = Int(clamping: capture.notes?.older ?? 0)
    lostNotes = Int(clamping: capture.notes?.lost ?? 0)
  }

  private mutating func takeDescriptors(_ record: WireDescriptors) {
    descriptors = record.counts.map {
      DescriptorCount(kind: $0.kind.name, count: Int(clamping: $0.count))
    }
    descriptors.sort { ($1.count, $0.kind) < ($0.count, $1.kind) }
    uncountedDescriptors = Int(clamping: record.skipped)
    sockets = SocketCounts(
      tcp: Int(record.tcpSockets),
      udp: Int(record.udpSockets),
      unix: Int(record.unixSockets),
      other: Int(record.otherSockets),
      isCut: record.cut
    )
    connections = record.connections.map(ReportConnection.init)
    connections.sort { one, other in
      (other.count, one.state, one.peer ?? "", one.local ?? "")
        < (one.count, other.state, other.peer ?? "", other.local ?? "")
    }
  }
}

extension WireDescriptorCount.Kind {
  /// As in docs/report-schema.md.
  var name: String {
    switch self {
    case .socket: "socket"
    case .pipe: "pipe"
    case .file: "file"
    case .directory: "directory"
    case .device: "device"
    case .eventfd: "eventfd"
    case .epoll: "epoll"
    case .inotify: "inotify"
    case .timerfd: "timerfd"
    case .signalfd: "signalfd"
    case .memfd: "memfd"
    case .deletedFile: "deleted-file"
    case .anonymous: "anonymous"
    case .other, .UNRECOGNIZED: "other"
    }
  }
}

extension ReportVitals {
  init(_ record: WireVitals) {
    self.init()
    residentBytes = record.hasResidentBytes ? record.residentBytes : nil
    peakResidentBytes = record.hasPeakResidentBytes ? record.peakResidentBytes : nil
    virtualBytes = record.hasVirtualBytes ? record.virtualBytes : nil
    peakVirtualBytes = record.hasPeakVirtualBytes ? record.peakVirtualBytes : nil
    anonymousBytes = record.hasAnonymousBytes ? record.anonymousBytes : nil
    fileBytes = record.hasFileBytes ? record.fileBytes : nil
    sharedBytes = record.hasSharedBytes ? record.sharedBytes : nil
    swapBytes = record.hasSwapBytes ? record.swapBytes : nil
    proportionalBytes = record.hasProportionalBytes ? record.proportionalBytes : nil
    privateBytes = record.hasPrivateBytes ? record.privateBytes : nil
    threadCount = record.hasThreadCount ? record.threadCount : nil
    uptime = record.hasUptimeNs ? .nanoseconds(Int64(clamping: record.uptimeNs)) : nil
    outOfMemoryScore = record.hasOomScore ? record.oomScore : nil
    outOfMemoryAdjustment = record.hasOomScoreAdjustment ? record.oomScoreAdjustment : nil
    limits = record.limits.map(ResourceLimit.init)
    controlGroup = record.hasControlGroup ? ReportControlGroup(record.controlGroup) : nil
  }
}

extension ResourceLimit {
  /// In the order of their numbers (asm-generic/resource.h).
  private static let names = [
    "cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as", "locks",
    "sigpending", "msgqueue", "nice", "rtprio", "rttime",
  ]

  init(_ record: WireResourceLimit) {
    let number = Int(record.resource)
    self.init(
      name: number < Self.names.count ? Self.names[number] : "limit \(number)",
      soft: record.soft == .max ? nil : record.soft,
      hard: record.hard == .max ? nil : record.hard
    )
  }
}

extension ReportControlGroup {
  init(_ record: WireControlGroup) {
    self.init()
    version = record.version == 0 ? nil : record.version
    memoryBytes = record.hasMemoryBytes ? record.memoryBytes : nil
    memoryLimitBytes = record.hasMemoryLimitBytes ? record.memoryLimitBytes : nil
    memoryHighBytes = record.hasMemoryHighBytes ? record.memoryHighBytes : nil
    memoryKills = record.hasMemoryKills ? record.memoryKills : nil
    taskCount = record.hasTaskCount ? record.taskCount : nil
    taskLimit = record.hasTaskLimit ? record.taskLimit : nil
    if record.hasCpuQuotaUs, record.cpuPeriodUs > 0 {
      let (product, overflow) = record.cpuQuotaUs.multipliedReportingOverflow(by: 1000)
      processorThousandths = overflow ? nil : product / record.cpuPeriodUs
    }
    throttledPeriods = record.hasThrottledPeriods ? record.throttledPeriods : nil
    throttledTime =
      record.hasThrottledUs ? .microseconds(Int64(clamping: record.throttledUs)) : nil
    pressures = record.pressures.compactMap(Pressure.init)
  }
}

extension Pressure {
  init?(_ record: WirePressure) {
    let resource: Resource
    switch record.resource {
    case .cpu: resource = .cpu
    case .memory: resource = .memory
    case .io: resource = .io
    case .UNRECOGNIZED: return nil
    }
    self.init(resource, isFull: record.full)
    average10 = record.average10
    average60 = record.average60
    average300 = record.average300
    total = .microseconds(Int64(clamping: record.totalUs))
  }
}

extension ReportConnection {
  /// The kernel's states by their numbers (include/net/tcp_states.h).
  private static let states = [
    "UNKNOWN", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT",
    "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "NEW_SYN_RECV",
  ]

  init(_ record: WireConnection) {
    let number = Int(record.state)
    self.init(
      state: number < Self.states.count ? Self.states[number] : "state \(number)",
      count: Int(record.count)
    )
    if let address = NetworkAddress(record.localAddress) {
      local = address.text(port: record.localPort)
    } else if record.localPort != 0 {
      local = ":\(record.localPort)"
    }
    peer = NetworkAddress(record.peerAddress)?.text(port: record.peerPort)
  }
}
