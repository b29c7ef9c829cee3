import CUnwind

/// Keeps the processors' queues short while threads are signalled.
///
/// A thousand threads woken at once stand in front of everything else that wakes: a thread that wakes every 100 µs was
/// late by milliseconds. So the sender lets others run while many have not answered yet. Where its turn does not come
/// back soon, the processors are busy with other work, and waiting would cost a time slice each time: then all are
/// signalled at once.
struct SendingPace {
  private var isOn = true
  /// How often nobody answered in time; where many block the signal, waiting for each sixteen would add up.
  private var timeouts = 0
  /// Threads that did not answer in time; they are not waited for again.
  private var forgiven: UInt32 = 0

  /// So many threads may be on their way before the sender waits, and when it goes on.
  private static var limit: UInt32 { @_noLocks @inline(__always) get { 16 } }
  private static var enough: UInt32 { @_noLocks @inline(__always) get { 8 } }
  /// Nanoseconds: longer than this nobody waits for others to answer.
  private static var patience: Int64 { @_noLocks @inline(__always) get { 500_000 } }
  private static var slowTurn: Int64 { @_noLocks @inline(__always) get { 1_000_000 } }

  @_noLocks init() {}

  /// `sent`: signals so far in this round.
  @_noLocks
  mutating func wait(sent: UInt32, _ arena: Arena) {
    guard isOn, unsafe underWay(sent, arena) >= Self.limit else { return }
    let begin = dc_clock(1)
    var turn = begin
    while unsafe underWay(sent, arena) > Self.enough {
      dc_yield()
      let now = dc_clock(1)
      if now &- turn > Self.slowTurn { isOn = false }
      if now &- begin > Self.patience {
        forgiven = unsafe sent &- dc_load32(dc_arena_answered(arena))
        timeouts &+= 1
        if timeouts == 4 { isOn = false }
        return
      }
      turn = now
    }
  }

  @_noLocks
  private func underWay(_ sent: UInt32, _ arena: Arena) -> UInt32 {
    let silent = unsafe sent &- dc_load32(dc_arena_answered(arena))
    // One that was forgiven may have answered since.
    return silent > forgiven ? silent &- forgiven : 0
  }
}
