// The allocator of the program; see allocator.cpp.
#pragma once

namespace trefoil::repl {

// First thing in main(), before other threads.
void prepareAllocator();

}  // namespace trefoil::repl
