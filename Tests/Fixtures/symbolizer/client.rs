// A method, which is not inlined.
struct Client {
    count: usize,
}

impl Client {
    #[inline(never)]
    fn keep_alive(&mut self, timeout: usize, host: &str) -> usize {
        self.count += timeout;
        println!("{} {}", host, self.count);
        self.count
    }
}

fn main() {
    let mut client = Client { count: 0 };
    println!("{}", client.keep_alive(std::env::args().count(), "localhost"));
}
