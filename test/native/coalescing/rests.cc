// Reads lines of `<bytes received so far> <now in microseconds>` and prints for each how long to rest, in microseconds.
#include <cstdint>
#include <iostream>

#include "../../../src/native/addon/receive-coalescing.h"

int main() {
  ratatoskr::ReceiveCoalescing coalescing;
  for (std::uint64_t received, now; std::cin >> received >> now;) std::cout << coalescing.Rest(received, now) << '\n';
}
