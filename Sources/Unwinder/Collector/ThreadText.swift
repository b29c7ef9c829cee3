import CUnwind

/// Why a thread was not captured, or what is doubtful about its frames.
@_noLocks
func writeReason(
  _ thread: UnsafeMutablePointer<dc_thread>,
  _ isDoubtful: Bool,
  _ record: inout ProtobufWriter
) {
  let reason = unsafe thread.pointee.reason
  if unsafe thread.pointee.status == ThreadStatus.noAnswer, reason == ThreadReason.quietAsked {
    record.field(5, text: "was running: only a thread that sleeps can be read without a signal")
  } else if unsafe thread.pointee.status == ThreadStatus.noAnswer, reason == ThreadReason.blocked {
    record.field(5, text: "blocks the thread signal and was running")
  } else if unsafe thread.pointee.doubt != 0 {
    record.field(5, text: "went on while it was read without a signal: its frames may be wrong")
  } else if reason == ThreadReason.quietAsked {
    record.field(5, text: "read without a signal, as asked")
  } else if reason == ThreadReason.waitsForSignals {
    record.field(5, text: "waits for signals and would take ours for one")
  } else if reason == ThreadReason.traced {
    record.field(5, text: "stopped by a debugger")
  } else if reason == ThreadReason.littleStack {
    record.field(5, text: "too little stack left for a signal frame")
  } else if reason == ThreadReason.zombie {
    record.field(5, text: "has ended; the process goes on without it")
  } else if reason == ThreadReason.exited {
    record.field(5, text: "ended while the capture was made")
  } else if reason == ThreadReason.blocked {
    record.field(5, text: "blocks the thread signal")
  } else if reason == ThreadReason.uninterruptible {
    record.field(5, text: "sleeps or is stopped where no signal reaches it")
  } else if reason == ThreadReason.silent {
    record.field(5, text: "did not answer the thread signal in time")
  } else if reason == ThreadReason.notSent {
    record.field(5, text: "the kernel refused to send the thread signal")
  } else if reason == ThreadReason.noSlot {
    record.field(5, text: "more threads than a capture has room for")
  } else if reason == ThreadReason.noCollector {
    record.field(5, text: "the collector did not work, nobody asked this thread")
  } else if isDoubtful {
    record.field(
      5,
      text:
        "outer frames were read after the thread went on: they lie outside the copy of its stack"
    )
  }
}

/// Why the walk ended before the outermost frame.
@_noLocks
func writeTruncation(_ walk: Walk, _ record: inout ProtobufWriter) {
  guard walk.end != WalkEnd.outermost else { return }
  let message = record.beginMessage(12)
  guard message >= 0 else { return }
  // The message's bytes are a text; it is written where the field's bytes go.
  var text = unsafe TextBuilder(record.start + record.count, capacity: 128)
  if walk.end == WalkEnd.frameLimit {
    text.append("frame limit reached")
  } else if walk.end == WalkEnd.noTable {
    text.append("no unwind information for ")
    text.append(hexadecimal: walk.stuckAt)
  } else if walk.end == WalkEnd.unknownRegister {
    text.append("needs a register that is unknown without a signal, at ")
    text.append(hexadecimal: walk.stuckAt)
  } else if walk.end == WalkEnd.ambiguous {
    text.append("more than one caller is possible without a signal, at ")
    text.append(hexadecimal: walk.stuckAt)
  } else if walk.end == WalkEnd.unreadable {
    text.append("stack not readable at the frame of ")
    text.append(hexadecimal: walk.stuckAt)
  } else if walk.end == WalkEnd.noProgress {
    text.append("frames repeat")
  } else if walk.end == WalkEnd.fault {
    text.append("the walk itself failed with a fault at the frame of ")
    text.append(hexadecimal: walk.stuckAt)
  } else if walk.end == WalkEnd.outOfTime {
    text.append("the capture ran out of time")
  } else {
    text.append("libunwind was not there: see the stack bytes")
  }
  record.advance(text.count)
  record.endMessage(message)
}
