import Foundation
import TestSupport
import Testing

/// Threads that wait in calls on descriptors, from the live process to what a person reads.
@Suite struct DescriptorReportTests {
  let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
    try runSuccessfully("\(repositoryRoot)/scripts/build-handler")
  }

  private func service() throws -> WaitingService {
    try WaitingService(
      WaitingService.build("descriptors.c", in: directory),
      [directory.file("s"), directory.file("lock file")],
      in: directory
    )
  }

  /// The only descriptor of a thread's wait.
  private func descriptor(_ document: WaitDocument, _ thread: String) throws
    -> WaitDocument.Descriptor
  {
    let all = try #require(document.wait(thread).descriptors, "\(thread)")
    return try #require(all.count == 1 ? all[0] : nil, "\(thread)")
  }

  @Test(arguments: [false, true])
  func socketsHaveTheirAddressesAndPeers(_ quiet: Bool) throws {
    let service = try service()
    let (port4, port6) = (service.answer[0], service.answer[1])
    let document = try service.document(quiet: quiet)
    let client = try descriptor(document, "recv v4")
    #expect(client.kind == "tcp" && client.peer == "127.0.0.1:\(port4)")
    let local = try #require(client.local)
    let server = try descriptor(document, "read v4")
    #expect(server.peer == local && server.local == client.peer)
    let client6 = try descriptor(document, "recv v6")
    #expect(client6.kind == "tcp" && client6.peer == "[::1]:\(port6)")
    #expect(client6.local?.hasPrefix("[::1]:") == true)
    let listener = try descriptor(document, "accept v4")
    #expect(listener.local == "127.0.0.1:\(port4)" && listener.peer == nil)
    #expect(try document.wait("accept v4").kind == "accept")
    let datagram = try descriptor(document, "recvfrom udp")
    #expect(datagram.kind == "udp" && datagram.peer == nil)
    #expect(datagram.local?.hasPrefix("127.0.0.1:") == true)
    #expect(try descriptor(document, "accept unix").local == directory.file("s"))
    let unixServer = try descriptor(document, "read unix")
    #expect(unixServer.kind == "unix" && unixServer.local == directory.file("s"))
    let unixClient = try descriptor(document, "recv unix")
    #expect(unixClient.kind == "unix" && unixClient.peer == directory.file("s"))
  }

  @Test(arguments: [false, true])
  func pipesFilesChildrenAndSleepsAreTold(_ quiet: Bool) throws {
    let service = try service()
    let document = try service.document(quiet: quiet)
    #expect(try descriptor(document, "read pipe").kind == "pipe")
    #expect(try descriptor(document, "write pipe").kind == "pipe")
    #expect(try descriptor(document, "read event").kind == "eventfd")
    for thread in ["flock", "fcntl"] {
      #expect(try document.wait(thread).kind == "file-lock", "\(thread)")
      let file = try descriptor(document, thread)
      #expect(file.kind == "file" && file.path == directory.file("lock file"), "\(thread)")
    }
    #expect(try document.wait("child").child_pid == service.answer[2])
    let anyChild = try document.wait("any child")
    #expect(anyChild.kind == "child" && anyChild.child_pid == nil)
    let sleep = try document.wait("sleep")
    #expect(sleep.kind == "sleep" && sleep.timeout_ms == 86_400_500)
  }

  @Test(arguments: [false, true])
  func pollSelectAndEpollNameWhatTheyWaitFor(_ quiet: Bool) throws {
    let service = try service()
    let (client4, client6) = (service.answer[3], service.answer[4])
    let (pipe, event) = (service.answer[5], service.answer[6])
    let document = try service.document(quiet: quiet)
    let poll = try document.wait("poll")
    #expect(poll.timeout_ms == 7_654_321)
    #expect(poll.descriptors?.map(\.fd) == [client4, pipe, event])
    #expect(poll.descriptors?.map(\.kind) == ["tcp", "pipe", "eventfd"])
    #expect(poll.descriptors?[0].peer == "127.0.0.1:\(service.answer[0])")
    let many = try document.wait("many")
    #expect(many.descriptors?.count == 64 && many.more_descriptors == 6)
    #expect(many.timeout_ms == 4_321_000)
    let select = try document.wait("select")
    #expect(Set(select.descriptors?.map(\.fd) ?? []) == [client6, pipe])
    let epoll = try document.wait("epoll")
    #expect(epoll.kind == "poll" && epoll.descriptors?.first?.kind == "epoll")
    let watched = try #require(epoll.descriptors).dropFirst()
    #expect(watched.count == 3 && Set(watched.map(\.fd)).isSuperset(of: [client6, pipe]))
    #expect(watched.first { $0.fd == client6 }?.peer == "[::1]:\(service.answer[1])")
    #expect(watched.contains { $0.local == "127.0.0.1:\(service.answer[0])" })
  }

  @Test func aPersonReadsWhomAThreadWaitsFor() throws {
    let service = try service()
    let text = try runSuccessfully(Products.dumpcollect, ["report", service.capture()])
    let port = service.answer[0]
    #expect(
      text.firstMatch(of: /waits for tcp [0-9]+ 127.0.0.1:[0-9]+ ← 127.0.0.1:([0-9]+)/) != nil
    )
    #expect(text.contains("← 127.0.0.1:\(port)"))
    #expect(text.contains("waits for file "))
    #expect(text.contains("waits for process \(service.answer[2])"))
    #expect(text.contains("waits for 86400.5 s"))
  }
}
