import Report

/// Groups of identical stacks, and which of them are similar: those that are alone in that are written once.
extension PageData {
  /// The groups of threads; which thread is in which is a column of its own.
  mutating func writeGroups(_ json: inout JSONWriter) {
    let groups = report.groups()
    let words = WaitWords(report)
    let numbers = Self.numbers(of: groups.map(\.threads), count: report.threads.count)
    json.column("threadGroup", numbers)
    json.key("groups")
    json.array(groups) { json, group in
      json.object { json in write(group, words, &json) }
    }
    guard Self.mayBeSimilar(groups.map(\.fingerprint)) else { return }
    let similar = report.groups(.similar).map { group in
      (group, Self.distinct(group.threads.map { numbers[$0] }))
    }
    json.key("similar")
    writeSimilar(similar, &json) { page, group, json in page.write(group, words, &json) }
  }

  private mutating func write(
    _ group: StackGroup,
    _ words: WaitWords,
    _ json: inout JSONWriter
  ) {
    let threads = group.threads.map { report.threads[$0] }
    json.field("print", group.fingerprint?.text)
    json.field("stack", group.stack)
    json.field("activity", strings.number(activitiesText(group)))
    json.field("names", strings.number(namesText(group.names)))
    json.field("ids", strings.number(threadIDsText(threads.map(\.threadID))))
    json.field("idle", group.idle.map { visible($0.text) })
    json.field("cpu", group.cpuTime.map { Self.milliseconds($0) })
    let waits = words.lines(of: threads)
    if !waits.isEmpty {
      json.key("waitLines")
      json.array(waits) { $0.string($1) }
    }
    if let creator = group.createdBy?.stack { json.field("creatorStack", creator) }
  }

  /// The same of tasks.
  mutating func writeTaskGroups(_ json: inout JSONWriter) {
    let groups = report.taskGroups()
    let words = TaskWords(report)
    let numbers = Self.numbers(of: groups.map(\.tasks), count: report.tasks.count)
    json.column("taskGroup", numbers)
    json.key("taskGroups")
    json.array(groups) { json, group in
      json.object { json in write(group, words, &json) }
    }
    guard Self.mayBeSimilar(groups.map(\.fingerprint)) else { return }
    let similar = report.taskGroups(.similar).map { group in
      (group, Self.distinct(group.tasks.map { numbers[$0] }))
    }
    json.key("similarTasks")
    writeSimilar(similar, &json) { page, group, json in page.write(group, words, &json) }
  }

  private mutating func write(
    _ group: TaskGroup,
    _ words: TaskWords,
    _ json: inout JSONWriter
  ) {
    let tasks = group.tasks.map { report.tasks[$0] }
    let states = group.activities.map(\.activity.state.rawValue)
    let waits = countedTexts(tasks, { words.waitText($0) ?? "" }, otherwise: words.waitKindText)
    json.field("print", group.fingerprint?.text)
    json.field("stack", group.stack)
    json.field("truncated", strings.number(group.truncated))
    json.field("activity", strings.number(Set(states).sorted().joined(separator: ", ")))
    json.field("waits", strings.number(waits))
    json.field("names", strings.number(namesText(group.names)))
    json.field("ids", strings.number(idsText(tasks.map(\.id), "task", "tasks")))
  }

  /// Groups of similar stacks, each with the numbers of those of identical ones that it is made of.
  private mutating func writeSimilar<Group>(
    _ groups: [(group: Group, parts: [Int])],
    _ json: inout JSONWriter,
    write: (inout PageData, Group, inout JSONWriter) -> Void
  ) {
    json.array(groups.filter { $0.parts.count > 1 }) { json, entry in
      json.object { json in
        json.key("of")
        json.array(entry.parts) { $0.number($1) }
        write(&self, entry.group, &json)
      }
    }
  }

  /// Whether it is worth the time to look for similar stacks: these have one fingerprint.
  private static func mayBeSimilar(_ fingerprints: [StackFingerprint?]) -> Bool {
    let known = fingerprints.compactMap(\.self)
    return Set(known).count < known.count
  }

  /// By member: the number of its group.
  private static func numbers(of groups: [[Int]], count: Int) -> [Int] {
    var numbers = [Int](repeating: StringTable.none, count: count)
    for (number, members) in groups.enumerated() {
      for member in members { numbers[member] = number }
    }
    return numbers
  }

  /// Each number once; ascending, which of numbers of groups is the largest group first.
  private static func distinct(_ numbers: [Int]) -> [Int] { Set(numbers).sorted() }
}
