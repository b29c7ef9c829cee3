import Foundation
import Report
import TestSupport
import Testing

struct AnalysisTests {
  @Test func theLargestGroupComesFirstThenTheOrderOfTheCapture() {
    let groups = SampleReport.server().groups()
    #expect(groups.map(\.threads) == [[1, 2, 3, 4], [0], [5], [6], [7], [8]])
    #expect(groups[0].activities.map(\.count) == [4])
    #expect(groups[0].activities[0].activity.wait == .condition)
    #expect(groups[4].stack == nil)
    #expect(groups[4].fingerprint == nil)
  }

  @Test func threadsAFewInstructionsApartAreOneGroupAndThoseOnOtherLinesAreNot() {
    var report = SampleReport.server()
    var near = report.frames[11]
    near.address += 4
    near.offset = near.offset.map { $0 + 4 }
    near.column = 99
    var far = near
    far.line = 78
    report.frames += [near, far]
    let (frame, stack) = (report.frames.count - 2, report.stacks.count)
    report.stacks += [[frame, 2, 3, 4], [frame + 1, 2, 3, 4]]
    var second = report.threads[5]
    second.stack = stack
    var third = report.threads[5]
    third.stack = stack + 1
    report.threads += [second, third]
    let groups = report.groups()
    #expect(groups.first { $0.threads.contains(5) }?.threads == [5, 9])
    #expect(groups.first { $0.threads.contains(10) }?.threads == [10])
    // The same functions in the same order: one name for both over builds.
    #expect(
      groups.first { $0.threads.contains(5) }?.fingerprint
        == groups.first { $0.threads.contains(10) }?.fingerprint
    )
  }

  @Test func aGroupNamesItsCreatorWhereAllHaveTheSame() {
    var report = SampleReport.server()
    #expect(report.groups()[0].createdBy == report.threads[1].createdBy)
    #expect(report.groups()[0].createdBy?.stack == 4)
    // Of another thread, in the same place.
    report.threads[2].createdBy?.threadID = 5
    #expect(report.groups()[0].createdBy?.threadID == 4711)
    report.threads[2].createdBy?.stack = 1
    #expect(report.groups()[0].createdBy == nil)
    report.threads[2].createdBy = nil
    #expect(report.groups()[0].createdBy == nil)
    // Known by its id alone: there is no place to name.
    #expect(report.groups().first { $0.threads == [5] }?.createdBy == nil)
  }

  @Test func aFingerprintIsTheSameOnAnotherHostAndInAnotherBuild() {
    let report = SampleReport.server()
    var other = report
    for index in other.modules.indices {
      other.modules[index].base += 0x10_0000
      other.modules[index].path =
        "/elsewhere/" + (other.modules[index].path.split(separator: "/").last ?? "")
      other.modules[index].buildID = nil
    }
    for index in other.frames.indices {
      other.frames[index].address += 0x10_0040
      other.frames[index].offset = other.frames[index].offset.map { $0 + 0x40 }
      other.frames[index].line = other.frames[index].line.map { $0 + 1 }
      other.frames[index].isInlined.toggle()
    }
    #expect(report.groups().map(\.fingerprint) == other.groups().map(\.fingerprint))
    other.frames[3].function = "Shop.Worker.walk()"
    #expect(report.groups()[0].fingerprint != other.groups()[0].fingerprint)
    #expect(report.groups()[0].fingerprint?.text.count == 16)
  }

  @Test func theFingerprintIsTheDocumentedSum() {
    var report = DumpReport()
    report.modules = [ReportModule(path: "/usr/bin/a", buildID: nil, base: 0, end: 1)]
    var frame = Frame(address: 1)
    frame.module = 0
    frame.function = "main"
    report.frames = [frame, Frame(address: 2)]
    report.stacks = [[0, 1]]
    var thread = ReportThread(threadID: 1)
    thread.stack = 0
    report.threads = [thread]
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in "main\0a\0?\0\0".utf8 { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
    #expect(report.groups()[0].fingerprint?.value == hash)
  }

  @Test(arguments: [
    ("core::fmt::write::h0123456789abcdef", "core::fmt::write"),
    ("work(int) [clone .cold]", "work(int)"),
    ("work(int) [clone .part.0] [clone .isra.0]", "work(int)"), ("work.cold", "work"),
    ("work.constprop.12.isra.0", "work"), ("work.part.0.cold", "work"), ("work.lto_priv.3", "work"),
    ("work.llvm.1234567", "work"), ("work.__part.2", "work"),
  ])
  func cloneSuffixesAndRustHashesDoNotCount(_ function: String, _ plain: String) {
    #expect(fingerprint(function) == fingerprint(plain))
    #expect(fingerprint(function) != fingerprint(plain + "2"))
  }

  @Test(arguments: [
    ("work.7", "work"), ("work.parts.7", "work"), ("shop.cold()", "shop"), (".cold", ""),
  ])
  func otherDotsCount(_ function: String, _ stem: String) {
    #expect(fingerprint(function) != fingerprint(stem))
  }

  private func fingerprint(_ function: String) -> StackFingerprint? {
    var report = SampleReport.server()
    report.frames[0].function = function
    return report.groups()[0].fingerprint
  }

  @Test(arguments: [
    ("futex", ThreadWait.Kind.futex, nil), ("epoll_wait", .poll, "epoll_wait"),
    ("accept4", .accept, "accept4"), ("clock_nanosleep", .sleep, "clock_nanosleep"),
    ("read", .read, nil), ("pause", .pause, nil), ("wait4", .child, "wait4"),
    ("recvfrom", .recv, "recvfrom"), ("flock", .fileLock, "flock"), ("fsync", .other, "fsync"),
    ("451", .other, "451"),
  ])
  func aSystemCallTellsTheWait(_ call: String, _ kind: ThreadWait.Kind, _ detail: String?) {
    var thread = ReportThread(threadID: 1)
    thread.state = .sleeping
    thread.systemCall = call
    #expect(DumpReport().wait(of: thread) == ThreadWait(kind: kind, detail: detail))
    thread.state = .running
    #expect(DumpReport().wait(of: thread) == nil)
  }

  @Test(arguments: [
    ("pthread_mutex_lock", ThreadWait.Kind.mutex), ("__pthread_clockjoin_ex", .join),
    ("__pthread_rwlock_rdlock", .rwlock), ("__new_sem_wait_slow64", .semaphore),
    ("__pthread_mutex_cond_lock", .mutex), ("__libc_malloc", .futex),
  ])
  func theLibrarysFunctionTellsWhichLock(_ function: String, _ kind: ThreadWait.Kind) {
    var report = SampleReport.server()
    report.frames[1].function = function
    #expect(report.wait(of: report.threads[1])?.kind == kind)
    // The same name in the service's own code says nothing.
    report.frames[1].module = 0
    #expect(report.wait(of: report.threads[1])?.kind == .futex)
  }

  @Test func aRestartedCallIsKnownByItsWaitChannel() {
    var thread = ReportThread(threadID: 1)
    thread.systemCall = "restart_syscall"
    thread.waitChannel = "hrtimer_nanosleep"
    #expect(DumpReport().wait(of: thread)?.kind == .sleep)
    thread.waitChannel = nil
    #expect(DumpReport().wait(of: thread)?.kind == .other)
  }

  @Test func signalsHaveTheirNames() {
    #expect(ReportSignal(number: 11, code: 1).name == "SIGSEGV")
    #expect(ReportSignal(number: 11, code: 1).codeName == "SEGV_MAPERR")
    #expect(ReportSignal(number: 7, code: 2).codeName == "BUS_ADRERR")
    #expect(ReportSignal(number: 3, code: -1).codeName == "SI_QUEUE")
    #expect(ReportSignal(number: 36, code: 0).name == "SIGRTMIN+2")
    #expect(ReportSignal(number: 65, code: 77).name == nil)
    #expect(ReportSignal(number: 65, code: 77).codeName == nil)
  }
}
