import ArgumentParser

/// Whether long text may go through a pager: the same words in every verb that prints such.
struct PagingArguments: ParsableArguments {
  @Flag(
    name: .customLong("no-pager"),
    help:
      "Do not show text that is longer than the screen through $DUMPCOLLECT_PAGER, $PAGER or less."
  )
  var isRefused = false

  var isWanted: Bool { !isRefused }
}
