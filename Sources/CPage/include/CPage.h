#pragma once
// The parts of the HTML report that are the same in every one, as bytes of the program.
#include <stddef.h>

/// A text that lives as long as the program.
struct page_part {
  const unsigned char *bytes;
  size_t count;
};

/// The skeleton: `{{name}}` marks what a report puts in.
struct page_part page_skeleton(void);
/// What stands between <style> and </style>.
struct page_part page_style(void);
/// What stands between <script> and </script>: all files of script/, in the order of their use.
struct page_part page_script(void);
