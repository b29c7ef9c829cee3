//! The addr2line crate as a command: addresses from standard input, answers as llvm-symbolizer prints them.
//! The file is mapped, and names stay mangled, as in the other tools of the benchmark.

use object::{Object, ObjectSection, SymbolMap, SymbolMapName};
use std::io::{BufRead, Write};
use std::os::fd::AsRawFd;

fn map(path: &str) -> &'static [u8] {
    let file = std::fs::File::open(path).expect("the file opens");
    let size = file.metadata().expect("the file has a size").len() as usize;
    // The mapping lives as long as the process.
    unsafe {
        let start = libc::mmap(std::ptr::null_mut(), size, libc::PROT_READ, libc::MAP_PRIVATE, file.as_raw_fd(), 0);
        assert_ne!(start, libc::MAP_FAILED);
        std::slice::from_raw_parts(start as *const u8, size)
    }
}

fn main() {
    let path = std::env::args().nth(1).expect("a file is named");
    let file = object::File::parse(map(&path)).expect("the file is ELF");
    let load = |id: gimli::SectionId| -> Result<_, gimli::Error> {
        let bytes = file.section_by_name(id.name()).and_then(|section| section.data().ok()).unwrap_or(&[]);
        Ok(gimli::EndianSlice::new(bytes, gimli::LittleEndian))
    };
    let dwarf = gimli::Dwarf::load(load).expect("sections load");
    let context = addr2line::Context::from_dwarf(dwarf).expect("debug information is read");
    let mut symbols: Option<SymbolMap<SymbolMapName>> = None;
    let mut output = std::io::BufWriter::new(std::io::stdout());
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("input is text");
        let address = u64::from_str_radix(line.trim_start_matches("0x"), 16).expect("an address");
        let mut any = false;
        let mut frames = context.find_frames(address).expect("frames are found");
        while let Some(frame) = frames.next().expect("a frame is read") {
            any = true;
            let raw = frame.function.as_ref().and_then(|function| function.raw_name().ok());
            let name = match raw {
                Some(name) => name.to_string(),
                None => symbols
                    .get_or_insert_with(|| file.symbol_map())
                    .get(address)
                    .map_or("??".to_string(), |symbol| symbol.name().to_string()),
            };
            let (path, row, column) = frame
                .location
                .map_or(("??", 0, 0), |place| (place.file.unwrap_or("??"), place.line.unwrap_or(0), place.column.unwrap_or(0)));
            writeln!(output, "{name}\n{path}:{row}:{column}").expect("output is taken");
        }
        if !any {
            let symbols = symbols.get_or_insert_with(|| file.symbol_map());
            let name = symbols.get(address).map_or("??", |symbol| symbol.name());
            writeln!(output, "{name}\n??:0:0").expect("output is taken");
        }
        writeln!(output).expect("output is taken");
    }
}
