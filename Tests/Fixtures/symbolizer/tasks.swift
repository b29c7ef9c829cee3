// Asynchronous functions whose every await is marked, by function, at the end of its line. Never run: its parts are
// looked up by their symbols.

actor Vault {
  var balance = 0
  var parked: [CheckedContinuation<Void, Never>] = []

  func deposit(_ amount: Int) async -> Int {
    balance += amount
    await hold()  // await: deposit
    return balance
  }

  func hold() async {
    await withCheckedContinuation { continuation in  // await: hold
      parked.append(continuation)
    }
  }

  func block() {
    var sum = 0
    for number in 0..<balance { sum ^= number }
    balance = sum
  }
}

struct Client {
  var id: Int
  var vault: Vault

  func serve(_ depth: Int) async throws -> Int {
    if depth > 0 {
      let inner = try await serve(depth - 1)  // await: serve
      return inner + 1
    }
    let total = await vault.deposit(id)  // await: serve
    try await Task.sleep(for: .seconds(100))  // await: serve
    return total
  }

  func all() async -> Int {
    await withTaskGroup(of: Int.self) { group in  // await: all
      for number in 0..<id {
        group.addTask {
          (try? await Client(id: number, vault: vault).serve(2)) ?? 0  // await: closure in all
        }
      }
      var sum = 0
      for await number in group {  // await: all
        sum += number
      }
      return sum
    }
  }

  func listen(to stream: AsyncStream<Int>) async {
    for await number in stream {  // await: listen
      print(number)
    }
  }
}

@main struct Main {
  static func main() async throws {
    let client = Client(id: CommandLine.argc > 1 ? 7 : 3, vault: Vault())
    let task = Task {
      try await client.serve(3)  // await: closure in main
    }
    Task.detached { await client.vault.block() }
    await client.listen(to: AsyncStream<Int> { _ in })
    print(await client.all(), try await task.value)
  }
}
