// A service with a classic leak in two forms: each request makes a new client of an upstream service, whose keep-alive
// thread and TCP connection nobody ever closes, and starts a task that follows the news with it, which nobody ever
// resumes. Nothing fails and no log tells; `kill -QUIT` shows it at once.
//
//   LeakyService [PORT]     PORT 0 or none: any free one, which is printed

import DumpHandler
import Glibc

try installDumpHandler()

let port = CommandLine.arguments.count > 1 ? UInt16(CommandLine.arguments[1]) : 0
guard let port else {
  print("usage: LeakyService [PORT]")
  exit(64)
}

let upstream = try Upstream()
let news = NewsFeed()
let server = try Listener(port: port)
print("listening on http://127.0.0.1:\(server.port)")
fflush(nil)

var requestCount = 0
while true {
  let connection = try server.accept()
  guard connection.readRequest() else { continue }
  requestCount += 1
  // The leak: one client a request, where the service should have one for its life.
  let client = try UpstreamClient(port: upstream.port)
  // The same with tasks, which are on no thread while they wait. The main thread serves, and runs no tasks.
  Task.detached(name: "request \(requestCount)") { [news] in await client.follow(news) }
  connection.respond(with: "request \(requestCount): upstream says \(client.fetch())\n")
}
