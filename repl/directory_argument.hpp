// Whether a bare word of the command line may become a new database.
//
//   trefoil shop               creates shop/, as sqlite3 and duckdb create their files
//   trefoil help, trefoil PING, trefoil sreve, trefoil redis://host, trefoil 'SELECT 1', trefoil sho/p/db
//                              do not: each is more likely to be something else, and the error says what
//
// A directory that exists is always meant; --dir means what it says, too.
#pragma once

#include <string>

#include "base/status.hpp"

namespace trefoil::repl {

Status checkDirectoryArgument(const std::string& word);

}  // namespace trefoil::repl
