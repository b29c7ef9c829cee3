import ArgumentParser
import Render
import Report

extension ReportView.IdleGroups: ExpressibleByArgument {}

/// How stacks are grouped and which of them are shown.
struct ReportViewArguments: ParsableArguments {
  enum Grouping: String, CaseIterable, ExpressibleByArgument {
    case identical, similar
  }

  @Option(
    name: .customLong("group"),
    help: "Which stacks are one group: identical ones, or those of the same functions."
  )
  var grouping = Grouping.identical

  @Option(
    help:
      "Threads that wait for work in a known pool or loop: a line each at the end, with their stacks, or left out."
  )
  var idle = ReportView.IdleGroups.sink

  var view: ReportView {
    var view = ReportView()
    view.likeness = grouping == .similar ? .similar : .identical
    view.idle = idle
    return view
  }
}
