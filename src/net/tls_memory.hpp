// What OpenSSL allocates is in the account of memory (base/memory_account.hpp), as MemoryLeaf::kTls: contexts with their
// certificates, and what each connection has. OpenSSL asks for its functions once, before it allocates anything.
#pragma once

namespace trefoil::net {

// To be called before anything else of OpenSSL; again it does nothing. Where somebody else in the process has used OpenSSL
// before, nothing is counted.
void countTlsMemory();

}  // namespace trefoil::net
