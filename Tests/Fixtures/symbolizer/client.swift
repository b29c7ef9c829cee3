// A function of a class, which is not inlined: its name has a module, a type, labels and parameters.
@main
final class Client {
  var count = 0

  @inline(never)
  func keepAlive(timeout: Int, host: String) -> Int {
    count += timeout
    print(host, count)
    return count
  }

  static func main() {
    let client = Client()
    print(client.keepAlive(timeout: CommandLine.arguments.count, host: "localhost"))
  }
}
